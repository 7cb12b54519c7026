/// Why a request has no reply. Only of `notConnected`, `overloaded` and `circuitOpen` is it certain that
/// Redis never saw the command; after the others it may or may not have run.
package enum RedisFailure: Error, Sendable, Equatable {
  /// No connection is ready; nothing was sent.
  case notConnected
  /// The deadline passed. The command may have run, or may yet run.
  case timedOut
  /// The connection broke, or was closed, before the reply came. The command may or may not have run.
  case connectionLost
  /// Redis sent what isn't a reply, or a reply nobody asked for. The command may or may not have run.
  case protocolError
  /// As many requests as ``RedisConnectionConfiguration/maxPending`` are under way; nothing was sent.
  case overloaded
  /// Redis has stopped answering, and hasn't answered the probe yet; nothing was sent.
  case circuitOpen

  /// Whether Redis may have seen the command.
  package var mayHaveRun: Bool {
    switch self {
    case .notConnected, .overloaded, .circuitOpen: false
    case .timedOut, .connectionLost, .protocolError: true
    }
  }
}
