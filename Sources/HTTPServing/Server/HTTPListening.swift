internal import NIOCore
internal import NIOPosix

/// Binds listening sockets and sets up the connections that they accept.
struct HTTPListening: Sendable {
  let group: MultiThreadedEventLoopGroup
  let configuration: HTTPServingConfiguration
  let loops: [ObjectIdentifier: NIOLoopBound<HTTPLoop>]

  /// The listening channels of one address: one, or with `reusePort` one per loop.
  func listen(on address: HTTPBindAddress) async throws -> [any Channel] {
    switch address {
    case .unix(let path):
      try await UnixSockets.refuseIfServed(path, group: group)
      let listener = try await bootstrap(group, isTCP: false)
        .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      return [listener]
    case .tcp(let host, let port):
      let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
      guard configuration.reusePort else {
        return [try await bootstrap(group, isTCP: true).bind(to: address).get()]
      }
      return try await listenOnEachLoop(address)
    }
  }

  private func listenOnEachLoop(_ address: SocketAddress) async throws -> [any Channel] {
    var listeners: [any Channel] = []
    do {
      for eventLoop in group.makeIterator() {
        // Port 0 is settled by the first socket; the others share what it got.
        let target = listeners.first?.localAddress ?? address
        let bootstrap = bootstrap(eventLoop, isTCP: true)
          .serverChannelOption(.socketOption(UnixSockets.reusePort), value: 1)
        listeners.append(try await bootstrap.bind(to: target).get())
      }
    } catch {
      for listener in listeners { try? await listener.close().get() }
      throw error
    }
    return listeners
  }

  private func bootstrap(_ group: any EventLoopGroup, isTCP: Bool) -> ServerBootstrap {
    let loops = loops
    let outboundBytesMax = configuration.outboundBytesMax
    let bootstrap = ServerBootstrap(group: group, childGroup: group)
      .serverChannelOption(.backlog, value: configuration.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        // Out of descriptors: wait a moment instead of spinning on accept.
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
        }
      }
      // A client that closes its side after the request still gets its response.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(
          low: max(1, outboundBytesMax / 2), high: max(1, outboundBytesMax))
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
            preconditionFailure("A connection on a loop of another group.")
          }
          try channel.pipeline.syncOperations.addHandler(HTTPConnection(loop: loop.value))
        }
      }
    return isTCP ? bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1) : bootstrap
  }
}
