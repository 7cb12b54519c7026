/// A request as every transport can give it: the gate's own server for its cold routes, hummingbird for
/// the admin listener, a test without any socket.
package struct ControlRequest: Sendable {
  /// As on the wire: `GET`.
  package var method: String
  /// Still percent-encoded, without the query.
  package var path: String
  /// What stands after the `?`, still percent-encoded; empty without one.
  package var query: String
  /// In the order of the wire; repeated ones stay apart. Names in any case.
  package var headers: [(name: String, value: String)]
  /// As it came, already bounded by the transport.
  package var body: [UInt8]
  /// The address at the other end, without its port; nil where the transport doesn't know one.
  package var peer: String?

  /// Makes a request; `target` is the path with its query.
  package init(
    method: String, target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(
      method: method, path: String(parts.first ?? ""), query: parts.count > 1 ? String(parts[1]) : "",
      headers: headers, body: body)
  }

  /// Makes a request.
  package init(
    method: String, path: String, query: String, headers: [(name: String, value: String)], body: [UInt8]
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }

  /// Every value of a header.
  package func values(of name: String) -> [String] {
    let name = name.lowercased()
    return headers.filter { $0.name.lowercased() == name }.map(\.value)
  }

  /// The value of a header that may come only once; nil without one, 400 for two.
  package func value(of name: String) throws(Problem) -> String? {
    let values = values(of: name)
    guard values.count <= 1 else { throw .invalid(name, "was sent more than once") }
    return values.first
  }
}
