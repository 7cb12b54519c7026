/// Which hosts count as this machine's or a private network's, where plain http may do: by address, or by a name
/// that no public zone has.
enum PrivateHost {
  private static let suffixes = [
    ".localhost", ".local", ".internal", ".svc", ".lan", ".home.arpa",
  ]

  /// The host as in ``HostPort``, IPv6 without its brackets.
  static func isPrivate(_ host: String) -> Bool {
    let host = host.lowercased()
    if host.contains(":") { return isPrivateIPv6(host) }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    if labels.last?.utf8.allSatisfy({ (48...57).contains($0) }) == true { return isPrivateIPv4(labels) }
    // A container's or a service's name, or `localhost`.
    return labels.count == 1 || suffixes.contains { host.hasSuffix($0) }
  }

  private static func isPrivateIPv4(_ labels: [Substring]) -> Bool {
    let bytes = labels.compactMap { label in label.utf8.count <= 3 ? UInt8(label) : nil }
    guard labels.count == 4, bytes.count == 4 else { return false }
    return switch (bytes[0], bytes[1]) {
    case (10, _), (127, _), (192, 168), (172, 16...31): true
    default: false
    }
  }

  /// `::1`, and the unique local addresses.
  private static func isPrivateIPv6(_ host: String) -> Bool {
    let first = host.prefix { $0 != ":" }
    return host == "::1" || first.utf8.count == 4 && (first.hasPrefix("fc") || first.hasPrefix("fd"))
  }
}
