internal import NIOSSL

/// How to reach Redis, and within what limits.
package struct RedisConnectionConfiguration: Sendable {
  /// Of a cluster, only the first address is used for now.
  package let url: RedisURL
  /// Times and sizes; read when a connection is made.
  package var limits: ConnectionLimits
  /// What CLIENT LIST shows, without spaces; empty for none.
  package var clientName: String
  /// Made once, for it reads and parses all trust roots.
  let tls: NIOSSLContext?

  /// `trustRootsFile`: PEM certificates to trust instead of the system's; only for `rediss`. Throws when
  /// it can't be read, or TLS can't be set up.
  package init(
    url: RedisURL, limits: ConnectionLimits = ConnectionLimits(), clientName: String = "tollgate",
    trustRootsFile: String? = nil
  ) throws {
    self.url = url
    self.limits = limits
    self.clientName = clientName
    guard url.usesTLS else {
      tls = nil
      return
    }
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
    tls = try NIOSSLContext(configuration: configuration)
  }

  /// Of a cluster the first seed, for now.
  var address: RedisURL.Address { url.addresses[0] }
}
