internal import NIOCore
internal import NIOPosix
package import Settings

/// Asks a gate on this machine whether it lives: one GET of /livez on its first listener.
package enum LivenessClient {
  private static let patience = TimeAmount.seconds(2)

  package static func isAlive(_ settings: Settings) async -> Bool {
    guard let address = settings.server.http.gateListeners.first else { return false }
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(patience)
    do {
      let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
      switch address {
      case .unix(let path):
        channel = try await bootstrap.connect(unixDomainSocketPath: path) { wrap($0) }
      case .tcp(let host, let port):
        let reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        channel = try await bootstrap.connect(host: reachable, port: port) { wrap($0) }
      }
      return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(
          ByteBuffer(string: "GET /livez HTTP/1.1\r\nHost: tollgate\r\nConnection: close\r\n\r\n"))
        for try await bytes in inbound { return String(buffer: bytes).hasPrefix("HTTP/1.1 200 ") }
        return false
      }
    } catch {
      return false
    }
  }

  private static func wrap(
    _ channel: any Channel
  ) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
    channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
  }
}
