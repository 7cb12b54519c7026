package import Gate

/// What an answer, or the lack of one, means for the delivery: pure, so that every case can be told without a
/// network.
package struct AttemptJudgement: Sendable, Equatable {
  package var end: EventAttemptEnd
  /// 410: the target wants no more. What waits for it waits on, until a gate starts with it in its config.
  package var pausesTarget: Bool

  /// Of an answer. Only 2xx is a success; a redirect is none, and is not followed.
  package init(_ reply: WebhookReply, attempt: Int64, now: Instant, jitter: Double) {
    let status = Int64(reply.status)
    pausesTarget = status == 410
    guard !(200..<300).contains(status) else {
      end = .delivered(status: status)
      return
    }
    let error =
      switch status {
      case 300..<400: "\(status): redirects are not followed"
      case 410: "410: the target wants no more; it is left alone until a gate starts with it"
      default: "the target answered \(status)"
      }
    end = AttemptJudgement.end(
      error, status: status, attempt: attempt, now: now, jitter: jitter,
      retryAfterSeconds: reply.retryAfterSeconds)
  }

  /// Without an answer.
  package init(_ failure: WebhookFailure, attempt: Int64, now: Instant, jitter: Double) {
    pausesTarget = false
    end = AttemptJudgement.end(
      failure.description, status: nil, attempt: attempt, now: now, jitter: jitter, retryAfterSeconds: nil)
  }

  private static func end(
    _ error: String, status: Int64?, attempt: Int64, now: Instant, jitter: Double, retryAfterSeconds: Int64?
  ) -> EventAttemptEnd {
    let next = DeliverySchedule.next(
      after: attempt, at: now, jitter: jitter, retryAfterSeconds: retryAfterSeconds)
    return next.map { .retry(at: $0, status: status, error: error) } ?? .failed(status: status, error: error)
  }
}
