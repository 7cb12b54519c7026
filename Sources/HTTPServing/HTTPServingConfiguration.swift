/// The limits of a server, all with defaults that suit a gate behind or without a proxy.
package struct HTTPServingConfiguration: Sendable, Hashable {
  /// What one request may take up.
  package var limits = HTTPLimits()
  /// How long a connection may stay open without a byte of a next request, in milliseconds. Also the time
  /// for the first byte of its first request. The connection is then closed without a word.
  package var idleMillisecondsMax = 75_000
  /// From the first byte of a request to the end of its head, in milliseconds. Past it: 408.
  package var headMillisecondsMax = 10_000
  /// From the end of the head to the end of the body, in milliseconds. Past it: 408.
  package var bodyMillisecondsMax = 30_000
  /// How long a client may take none of the bytes that wait for it, in milliseconds; then it is cut off.
  package var writeStallMillisecondsMax = 30_000
  /// How long a connection that was closed by us is still drained, so that the client gets to read the last
  /// response instead of a reset, in milliseconds.
  package var lingerMillisecondsMax = 2_000
  /// Granularity of all of these: one sweep per loop over its connections, in milliseconds, 1 to 10,000.
  /// Limits are kept with up to twice this much delay.
  package var sweepMilliseconds = 500
  /// Open connections of the whole server; each one more gets a 503 and is closed. At least 1.
  package var connectionsMax = 10_000
  /// Bytes of pipelined requests that may wait behind the one in flight; then reading stops. At least 1.
  package var pipelinedBytesMax = 65_536
  /// Bytes of responses that may wait for a slow reader before no further request of it is begun: what is
  /// buffered for one connection is at most this and one response. At least 1,024.
  package var outboundBytesMax = 65_536
  /// Length of the queue of connections that the kernel has accepted and we haven't, per listening socket.
  package var backlog: Int32 = 4_096
  /// One listening socket per event loop (`SO_REUSEPORT`), whose connections stay on that loop; otherwise
  /// one socket that hands its connections out in turn. For TCP addresses only.
  package var reusePort = false

  /// All defaults.
  package init() {}
}
