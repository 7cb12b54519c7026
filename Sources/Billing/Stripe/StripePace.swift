import Synchronization

/// Keeps one process below Stripe's limits, 100 requests a second in live mode and 25 in test mode: it sends
/// at most 80 and 20, one half of them in the background. Each half has its own line, so that nobody who waits
/// for an answer stands behind a comparison of a hundred thousand subscriptions.
/// Source: https://docs.stripe.com/rate-limits
package final class StripePace: Sendable {
  /// Who wants to send.
  package enum Lane: Sendable {
    /// Somebody waits for the answer.
    case caller
    /// An event is held up; it can be decided without, so it waits a second at most.
    case event
    /// Nobody waits: comparisons and customers.
    case background
  }

  /// The lane that is given up when its turn is too far off.
  static let eventMillisecondsMax: Int64 = 1000

  private struct Turns {
    /// When the next request may go, in microseconds of the clock; and the next one of the background.
    var next: Int64 = 0
    var nextInBackground: Int64 = 0
  }

  private let spacing: Int64
  private let burst: Int64
  private let turns = Mutex(Turns())
  private let microseconds: @Sendable () -> Int64

  /// By the mode of the key; a key that doesn't say is treated as one of test mode. `microseconds` is a clock
  /// that never goes back; for tests.
  package init(isLive: Bool?, microseconds: (@Sendable () -> Int64)? = nil) {
    let perSecond: Int64 = isLive == true ? 40 : 10
    spacing = 1_000_000 / perSecond
    // Callers come in clusters: a quarter of a second's requests may go at once.
    burst = 250_000
    let start = ContinuousClock.now
    self.microseconds =
      microseconds ?? {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
      }
  }

  /// Takes a turn: how many milliseconds to wait for it. nil: it would be too long for this lane, and no turn
  /// was taken.
  package func turn(_ lane: Lane) -> Int64? {
    let now = microseconds()
    return turns.withLock { turns in
      let isBackground = lane == .background
      // A slot of the last quarter second that nobody took may still be taken; the background has no hurry.
      let next =
        isBackground ? max(turns.nextInBackground, now) : max(turns.next, now - burst)
      let wait = (max(next, now) - now + 999) / 1000
      if lane == .event, wait > StripePace.eventMillisecondsMax { return nil }
      if isBackground { turns.nextInBackground = next + spacing } else { turns.next = next + spacing }
      return wait
    }
  }
}
