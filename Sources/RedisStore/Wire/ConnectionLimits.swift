package import NIOCore

/// Every time and size that a connection to Redis is bound by.
package struct ConnectionLimits: Sendable, Equatable {
  /// From the first SYN to the last reply of the handshake.
  package var connectTimeout: TimeAmount = .seconds(1)
  /// What the owner's hook may take on each connection.
  package var prepareTimeout: TimeAmount = .seconds(5)
  /// What a command on a cold path may take when its caller names no deadline.
  package var defaultDeadline: TimeAmount = .milliseconds(150)
  /// What a report may take, which callers wait for as for a check, but without a deadline of its own.
  package var reportDeadline: TimeAmount = .milliseconds(150)
  /// A PING is sent after this long without any traffic.
  package var pingInterval: TimeAmount = .seconds(1)
  /// Redis owes replies, a request has timed out, and nothing was heard for this long: the breaker opens.
  /// Below the deadline of a check, so that the first check that times out opens it.
  package var stallTime: TimeAmount = .milliseconds(100)
  /// So many time-outs in a row open the breaker too, though late replies trickle in.
  package var timeoutsInARowMax = 64
  /// Nothing was heard for this long with the breaker open: the connection is given up.
  package var livenessTimeout: TimeAmount = .seconds(1)
  /// Wait before the first attempt to reconnect. Up to a half of each wait is random.
  package var backoffFirst: TimeAmount = .milliseconds(50)
  /// The longest wait, reached by doubling.
  package var backoffMax: TimeAmount = .seconds(2)
  /// Requests under way, those that timed out but are still owed a reply included; one more is refused.
  package var maxPending = 16_384
  /// Bytes of one reply, all of its strings together. More closes the connection.
  package var replyBytesMax = 64 << 20
  /// Elements of one reply over all levels. More closes the connection.
  package var replyElementsMax = 1 << 20

  /// The defaults above.
  package init() {}
}
