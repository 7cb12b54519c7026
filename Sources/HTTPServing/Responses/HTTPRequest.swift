package import NIOCore

/// A copy of a request that may go anywhere.
package struct HTTPRequest: Sendable {
  /// As it was sent; methods are case-sensitive.
  package var method: String
  /// Percent-encoded, without the query; begins with `/` (or is `*`).
  package var path: String
  /// Percent-encoded; nil when there was no `?`.
  package var query: String?
  /// Names in lower case, in the order they were sent, repeated ones as often as they were.
  package var headers: [(name: String, value: String)]
  /// Complete and decoded.
  package var body: ByteBuffer
  /// The IP address that the connection comes from; nil on a Unix socket.
  package var remoteAddress: String?

  /// A request made of its parts; the names in `headers` must be in lower case.
  package init(
    method: String, path: String, query: String? = nil, headers: [(name: String, value: String)] = [],
    body: ByteBuffer = ByteBuffer(), remoteAddress: String? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress
  }

  /// Value of the first header of that name, which has to be in lower case, or nil.
  package func header(_ name: String) -> String? {
    headers.first { $0.name == name }?.value
  }
}
