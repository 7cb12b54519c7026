package import Gate
import Logging

extension WebhookProcessor {
  /// Unmatched events that one pass tries.
  static let replayedPerPass = 100

  /// Processes a stored event again, as `POST /admin/v1/webhooks/events/{id}/replay` asks: one that is done
  /// stays as it is. Returns its status; nil when there is no such event. Throws when it failed again.
  package func replay(eventID: String, now: Instant) async throws(StoreError) -> String? {
    guard let receipt = try await store.receipt(eventID) else { return nil }
    guard let event = StripeEvent(rawBody: Array(receipt.payload.utf8)) else {
      throw .conflict("the stored payload is no event")
    }
    let run = try await process(event, receipt: receipt, now: now)
    if !run.mentions.isEmpty { await replayUnmatched(mentioning: run.mentions, now: now) }
    return run.outcome?.status ?? "processed"
  }

  /// Tries unmatched events again: those that mention one of the texts (a user's id, email or customer that
  /// has appeared, a price that was mapped), or, with nil, those tried longest ago. Returns how many
  /// found their match. What one of them makes known may be what another waits for, so it goes on until
  /// nothing moves. Errors are logged: the events stay, for the next pass.
  @discardableResult
  package func replayUnmatched(mentioning texts: [String]?, now: Instant) async -> Int {
    var matched = 0
    for _ in 0..<4 {
      var moved = 0
      do {
        for receipt in try await store.unmatched(mentioning: texts, limit: Self.replayedPerPass) {
          guard let event = StripeEvent(rawBody: Array(receipt.payload.utf8)) else { continue }
          let run = try await process(event, receipt: receipt, now: now, isRepeated: true)
          if case .processed = run.outcome { moved += 1 }
        }
      } catch {
        logger.warning("unmatched webhooks not replayed", metadata: ["error": "\(error)"])
        return matched + moved
      }
      matched += moved
      if moved == 0 { break }
    }
    return matched
  }
}
