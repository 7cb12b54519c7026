internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// What NIO leaves to the operating system's own headers.
enum UnixSockets {
  /// `SO_REUSEPORT`: several sockets listen on one port and the kernel spreads connections over them.
  static var reusePort: NIOBSDSocket.Option { NIOBSDSocket.Option(rawValue: SO_REUSEPORT) }

  /// The file of a Unix socket outlives its server: tells a stale one from one that is still served.
  ///
  /// Throws `EADDRINUSE` when somebody answers at `path`; a dead file may be replaced.
  static func refuseIfServed(_ path: String, group: any EventLoopGroup) async throws {
    let connection: any Channel
    do {
      connection = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
    } catch {
      return
    }
    try? await connection.close().get()
    throw IOError(errnoCode: EADDRINUSE, reason: "\(path) is served by another process")
  }

  /// Removes the file of a socket that was closed; that it is gone already is fine.
  static func remove(_ path: String) {
    _ = unsafe path.withCString { unsafe unlink($0) }
  }
}
