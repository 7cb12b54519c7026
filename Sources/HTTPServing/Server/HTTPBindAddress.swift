/// Where a server listens.
package enum HTTPBindAddress: Sendable, Hashable {
  /// A host name or IP address, and a port of 0 to 65,535; 0 takes a free one.
  case tcp(host: String, port: Int)
  /// The path of a Unix socket, at most 107 bytes. A file left by a dead server is removed.
  case unix(path: String)

  /// Reads `host:port`, `[::1]:port` or `unix:/path`; nil when it is none of them.
  package init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = text.dropFirst(5)
      guard path.hasPrefix("/"), path.utf8.count <= 107 else { return nil }
      self = .unix(path: String(path))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self = .tcp(host: String(host), port: Int(port))
  }
}
