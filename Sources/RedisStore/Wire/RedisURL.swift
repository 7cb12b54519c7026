/// Where Redis is and how to get in: `redis://[user[:password]@]host[:port][/db]`, `rediss://` for TLS,
/// `redis+unix:///path[?db=n&user=…&password=…]`, `redis+cluster://host:port,host:port` (and
/// `rediss+cluster://`). Names, passwords and paths are percent-encoded where they need to be.
package struct RedisURL: Sendable, Hashable {
  /// An address that a socket can be connected to.
  package enum Address: Sendable, Hashable {
    /// `host` without the brackets of an IPv6 address; `port` 1 to 65535.
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  /// One, or the seeds of a cluster in the order given.
  package var addresses: [Address]
  /// Of `rediss` and `rediss+cluster`.
  package var usesTLS: Bool
  /// Of `redis+cluster` and `rediss+cluster`.
  package var isCluster: Bool
  /// nil for the default user.
  package var username: String?
  /// nil when no AUTH is to be sent.
  package var password: String?
  /// 0 on a cluster.
  package var database: Int
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The URL without credentials, for logs.
  package var description: String {
    let scheme = usesTLS ? "rediss" : "redis"
    let places = addresses.map { address in
      switch address {
      case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      case .unix(let path): path
      }
    }.joined(separator: ",")
    if case .unix = addresses.first { return "\(scheme)+unix://\(places)?db=\(database)" }
    return "\(scheme)\(isCluster ? "+cluster" : "")://\(places)/\(database)"
  }

  /// As ``description``.
  package var debugDescription: String { description }

  /// Only ``description``, so that `dump` and interpolation of an owner show no password either.
  package var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
