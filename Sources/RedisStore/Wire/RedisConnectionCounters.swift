/// What one connection has done so far, and how it stands; for metrics.
package struct RedisConnectionCounters: Sendable, Equatable {
  /// Commands written to the out-buffer, PINGs not counted.
  package var commandsSent: UInt64 = 0
  /// Writes to the socket: one per loop tick that had commands.
  package var writes: UInt64 = 0
  /// Whole replies read, late ones and those to PINGs included.
  package var replies: UInt64 = 0
  /// Times that the connection became ready again.
  package var reconnects: UInt64 = 0
  /// Requests whose deadline passed.
  package var timeouts: UInt64 = 0
  /// Requests that Redis owes replies to, timed-out ones included.
  package var pending = 0
  /// Whether requests are refused because Redis stopped answering.
  package var isCircuitOpen = false

  /// All zero.
  package init() {}
}

extension RedisConnectionCounters {
  /// Adds those of another connection.
  package mutating func add(_ other: RedisConnectionCounters) {
    commandsSent += other.commandsSent
    writes += other.writes
    replies += other.replies
    reconnects += other.reconnects
    timeouts += other.timeouts
    pending += other.pending
    isCircuitOpen = isCircuitOpen || other.isCircuitOpen
  }
}
