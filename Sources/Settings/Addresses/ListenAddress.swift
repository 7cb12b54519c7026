/// Where a listener is bound: `host:port` (`[::]:8080` for IPv6) or `unix:/path`.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// Port 0 to 65,535; 0: one that is free.
  case tcp(host: String, port: Int)
  /// An absolute path of at most 100 bytes: the kernel's own limit is 107.
  case unix(path: String)

  /// nil for anything else.
  package init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard path.hasPrefix("/"), path.utf8.count > 1, path.utf8.count <= 100, !path.hasSuffix("/"),
        path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { return nil }
      self = .unix(path: path)
      return
    }
    guard let authority = HostPort(text), let port = authority.port else { return nil }
    self = .tcp(host: authority.host, port: port)
  }

  /// The text that ``init(_:)`` takes.
  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
package struct HostPort: Sendable, Hashable {
  /// A name or an address, IPv6 without its brackets.
  package var host: String
  /// 0 to 65,535; nil when none was given.
  package var port: Int?

  /// Both unchecked.
  package init(host: String, port: Int?) {
    self.host = host
    self.port = port
  }

  /// nil for anything that is no host name, IPv4 or bracketed IPv6 address.
  package init?(_ text: some StringProtocol) {
    let host: Substring
    var rest = Substring(text)
    if rest.hasPrefix("[") {
      guard let close = rest.firstIndex(of: "]") else { return nil }
      host = rest[rest.index(after: rest.startIndex)..<close]
      rest = rest[rest.index(after: close)...]
      guard host.contains(":"), host.utf8.allSatisfy({ HostPort.isAddressByte($0) }) else { return nil }
    } else {
      let end = rest.firstIndex(of: ":") ?? rest.endIndex
      host = rest[..<end]
      rest = rest[end...]
      guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ HostPort.isNameByte($0) })
      else { return nil }
    }
    self.host = String(host)
    guard !rest.isEmpty else { return }
    let digits = rest.dropFirst()
    guard rest.hasPrefix(":"), (1...5).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), port <= 65_535
    else { return nil }
    self.port = port
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 45, 46, 48...57, 65...90, 95, 97...122: true
    default: false
    }
  }

  /// Hex digits, colons, the dots of a mapped IPv4 address, and `%zone`.
  private static func isAddressByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 37, 46, 48...58, 65...90, 97...122: true
    default: false
    }
  }
}
