package import Gate
import Logging

extension EventProcessor {
  /// Unmatched events that one pass tries.
  static let replayedPerPass = 100
  /// Appeared clues that one pass takes.
  private static let cluesPerPass = 100

  /// Processes a stored event again, as `POST /admin/v1/webhooks/events/{id}/replay` asks: one that is done
  /// stays as it is, and is made sure to be known to Redis. Returns its status; nil when there is no such event.
  /// Throws when it failed again.
  package func replay(eventID: String, now: Instant) async throws(StoreError) -> String? {
    guard let receipt = try await store.receipt(eventID) else { return nil }
    guard let event = StripeEvent(rawBody: Array(receipt.payload.utf8)) else {
      throw .conflict("the stored payload is no event")
    }
    let run = try await process(event, receipt: receipt, now: now)
    if !run.makesKnown.isEmpty { await replayUnmatched(waitingFor: run.makesKnown, now: now) }
    return run.outcome?.status ?? "processed"
  }

  /// Tries the unmatched events that wait for what has appeared since the last call, by whatever hand: a user's
  /// row, an email, a price's plan.
  package func replayAppeared(now: Instant) async {
    do {
      let clues = try await store.appearedClues(limit: Self.cluesPerPass)
      guard !clues.isEmpty else { return }
      await replayUnmatched(waitingFor: clues.map(\.text), now: now)
      // Only now: whoever dies before has left them for the next.
      try await store.forgetClues(clues.map(\.id))
    } catch {
      logger.debug("appeared clues not read", metadata: ["error": "\(error)"])
    }
  }

  /// Tries unmatched events again: those that wait for one of the texts, or, with nil, those that were tried
  /// least. Returns how many found their match. What one of them makes known may be what another waits for, so
  /// it goes on until nothing moves. Errors are logged: the events stay, for the next pass.
  @discardableResult
  package func replayUnmatched(waitingFor texts: [String]?, now: Instant) async -> Int {
    var matched = 0
    var texts = texts
    for _ in 0..<4 {
      var moved = 0
      var known: [String] = []
      do {
        for receipt in try await store.unmatched(waitingFor: texts, limit: Self.replayedPerPass) {
          guard let event = StripeEvent(rawBody: Array(receipt.payload.utf8)) else { continue }
          guard let run = try await attempt(event, receipt, now: now) else { continue }
          if case .processed = run.outcome { moved += 1 }
          known += run.makesKnown
        }
      } catch {
        logger.warning("unmatched webhooks not replayed", metadata: ["error": "\(error)"])
        return matched + moved
      }
      matched += moved
      if moved == 0 { break }
      texts = texts.map { Array(Set($0 + known)) }
    }
    return matched
  }

  /// nil when this one can't be processed, whatever the reason: it must not keep the others waiting. Throws when
  /// nothing can be processed at present.
  private func attempt(
    _ event: StripeEvent, _ receipt: WebhookReceipt, now: Instant
  ) async throws(StoreError) -> Run? {
    do {
      return try await process(event, receipt: receipt, now: now, isRepeated: true)
    } catch {
      if case .unavailable = error { throw error }
      logger.error(
        "unmatched webhook can't be processed",
        metadata: ["stripe.event": "\(event.id)", "error": "\(error)"])
      return nil
    }
  }
}
