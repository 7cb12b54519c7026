import Gate
import Synchronization

/// What became of the events of this process: for metrics.
package final class EventTally: Sendable {
  /// Counts since the process began.
  package struct Counts: Sendable, Equatable {
    /// By outcome: `processed`, `ignored`, `unmatched`, `failed`.
    package var byOutcome: [String: Int] = [:]
    /// Deliveries of what was done before.
    package var duplicates = 0
    /// Events about a price that maps to no plan.
    package var unknownPrices = 0
    /// Deliveries that were told to come again, for too many were waiting.
    package var turnedAway = 0
  }

  private let state = Mutex(Counts())

  /// As of now.
  package var counts: Counts { state.withLock { $0 } }

  func count(_ outcome: WebhookOutcome) { state.withLock { $0.byOutcome[outcome.status, default: 0] += 1 } }
  func countDuplicate() { state.withLock { $0.duplicates += 1 } }
  func countUnknownPrice() { state.withLock { $0.unknownPrices += 1 } }
  func countTurnedAway() { state.withLock { $0.turnedAway += 1 } }
}
