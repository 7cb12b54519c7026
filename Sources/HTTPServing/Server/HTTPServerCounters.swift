internal import Synchronization

/// Numbers for metrics; they change once per connection, not per request, and are read from any thread.
package final class HTTPServerCounters: Sendable {
  private let open = Atomic<Int>(0)
  private let accepted = Atomic<Int>(0)
  private let rejected = Atomic<Int>(0)
  private let timedOut = Atomic<Int>(0)

  /// All at zero.
  package init() {}

  /// Connections that are open now, those being turned away among them.
  package var connectionsOpen: Int { open.load(ordering: .relaxed) }
  /// Connections accepted since the start, those turned away among them.
  package var connectionsAccepted: Int { accepted.load(ordering: .relaxed) }
  /// Connections turned away with 503 (or cut, when even those became too many) since the start.
  package var connectionsRejected: Int { rejected.load(ordering: .relaxed) }
  /// Connections closed since the start because a client was too slow: 408s and stalled readers.
  package var connectionsTimedOut: Int { timedOut.load(ordering: .relaxed) }

  /// Notes a new connection and returns how many are open with it.
  func connectionOpened() -> Int {
    accepted.add(1, ordering: .relaxed)
    return open.add(1, ordering: .relaxed).newValue
  }

  func connectionClosed() { open.subtract(1, ordering: .relaxed) }

  func connectionRejected() { rejected.add(1, ordering: .relaxed) }

  func connectionTimedOut() { timedOut.add(1, ordering: .relaxed) }
}
