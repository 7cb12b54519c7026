package import Gate
package import Logging
package import Signatures

/// Takes Stripe's deliveries: verify on the raw bytes → process the event → answer. What is not 2xx Stripe sends
/// again.
package struct WebhookProcessor: Sendable {
  /// What acts on the events, once they are verified.
  package let events: EventProcessor
  let secrets: WebhookSecrets
  let toleranceSeconds: Int64
  /// Where deliveries wait for their turn.
  package let admission: WebhookAdmission
  let logger: Logger

  /// `admission` bounds what is worked on at once.
  package init(
    events: EventProcessor, secrets: WebhookSecrets,
    toleranceSeconds: Int64 = StripeSignature.toleranceSecondsDefault,
    admission: WebhookAdmission = WebhookAdmission(runningMax: 16), logger: Logger
  ) {
    self.events = events
    self.secrets = secrets
    self.toleranceSeconds = toleranceSeconds
    self.admission = admission
    self.logger = logger
  }

  /// Answers one delivery. The body is what came over the wire, at most 1 MiB (the listener's limit).
  package func receive(rawBody: [UInt8], signatureHeader: String?, now: Instant) async -> WebhookAnswer {
    do {
      try StripeSignature.verify(
        header: signatureHeader ?? "", rawBody: rawBody, secrets: secrets, now: now.seconds,
        toleranceSeconds: toleranceSeconds)
    } catch {
      logger.notice("webhook refused", metadata: ["webhook.refusal": "\(error.rawValue)"])
      return .signatureInvalid
    }
    guard let event = StripeEvent(rawBody: rawBody), let payload = String(validating: rawBody, as: UTF8.self)
    else {
      logger.warning("webhook payload is no event", metadata: ["http.body_bytes": "\(rawBody.count)"])
      return .payloadInvalid
    }
    return await take(event, payload: payload, now: now)
  }

  /// The rest, for a delivery that is verified and read: `payload` is its body.
  package func take(_ event: StripeEvent, payload: String, now: Instant) async -> WebhookAnswer {
    let receipt = event.receipt(payload: payload, receivedAt: now)
    let delivery = WebhookDelivery(event: event, receipt: receipt, now: now)
    switch await admission.enter(delivery) {
    case .turnedAway:
      events.tally.countTurnedAway()
      return .storeUnavailable
    case .answered(let answer):
      return answer
    case .leads(let rest):
      if rest > .zero { try? await Task.sleep(for: rest) }
      let followers = admission.followers(of: delivery)
      let start = ContinuousClock.now
      let answers = await process([delivery] + followers.map(\.delivery))
      admission.leave(after: ContinuousClock.now - start)
      for (follower, answer) in zip(followers, answers.dropFirst()) { follower.answer(answer) }
      return answers[0]
    }
  }

  private func process(_ deliveries: [WebhookDelivery]) async -> [WebhookAnswer] {
    var makesKnown: [String] = []
    var answers: [WebhookAnswer] = []
    for (delivery, result) in zip(deliveries, await events.process(deliveries)) {
      switch result {
      case .success(let run):
        makesKnown += run.makesKnown
        answers.append(.received)
      case .failure(let error):
        let (id, type) = (delivery.event.id, delivery.event.type)
        logger.error(
          "webhook not processed",
          metadata: ["stripe.event": "\(id)", "stripe.type": "\(type)", "error": "\(error)"])
        answers.append(.storeUnavailable)
      }
    }
    if !makesKnown.isEmpty {
      await events.replayUnmatched(waitingFor: makesKnown, now: deliveries[0].now)
    }
    return answers
  }
}
