package import Logging
package import NIOCore
package import NIOPosix
internal import Synchronization

/// Listens, and hands each connection to the handler of its event loop.
package final class HTTPServer: Sendable {
  /// Numbers for metrics, readable from anywhere.
  package let counters = HTTPServerCounters()

  private let group: MultiThreadedEventLoopGroup
  private let addresses: [HTTPBindAddress]
  private let configuration: HTTPServingConfiguration
  private let logger: Logger
  private let makeHandler: @Sendable (any EventLoop) -> any HTTPHandler
  private let state = Mutex(State())

  private struct State {
    var loops: [ObjectIdentifier: NIOLoopBound<HTTPLoop>] = [:]
    var listeners: [any Channel] = []
    var isStarted = false
    var isStopped = false
  }

  /// A server that doesn't listen yet. `makeHandler` is called once per loop of `group`, on that loop.
  package init(
    group: MultiThreadedEventLoopGroup, addresses: [HTTPBindAddress],
    configuration: HTTPServingConfiguration = HTTPServingConfiguration(), logger: Logger,
    makeHandler: @escaping @Sendable (any EventLoop) -> any HTTPHandler
  ) {
    self.group = group
    self.addresses = addresses
    self.configuration = configuration
    self.logger = logger
    self.makeHandler = makeHandler
  }

  /// Binds all addresses and returns what they became, in their order (with the ports that 0 took). When one
  /// of them can't be bound, none is, and NIO's error is thrown; `CancellationError` when the server is
  /// stopped meanwhile. May be called once.
  package func start() async throws -> [SocketAddress] {
    let isFirst = state.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    precondition(isFirst, "A server starts once.")
    var loops: [ObjectIdentifier: NIOLoopBound<HTTPLoop>] = [:]
    for eventLoop in group.makeIterator() {
      loops[ObjectIdentifier(eventLoop)] = try await eventLoop.submit { self.makeLoop(eventLoop) }.get()
    }
    state.withLock { [loops] in $0.loops = loops }
    let listening = HTTPListening(group: group, configuration: configuration, loops: loops)
    var bound: [SocketAddress] = []
    do {
      for address in addresses {
        let listeners = try await listening.listen(on: address)
        let isStopped = state.withLock { state in
          state.listeners += listeners
          return state.isStopped
        }
        // Told to stop amid starting: what was bound since is closed below.
        if isStopped { throw CancellationError() }
        guard let local = listeners.first?.localAddress else { throw ChannelError.unknownLocalAddress }
        bound.append(local)
      }
    } catch {
      await shutdownGracefully(deadlineSeconds: 0)
      throw error
    }
    return bound
  }

  /// Stops accepting, closes idle connections, has requests in flight answered with `Connection: close`, and
  /// after `deadlineSeconds` (0 or more) cuts what is left. Returns when everything is closed; may be called
  /// again. The group must not be shut down before.
  package func shutdownGracefully(deadlineSeconds: Double) async {
    let (listeners, loops) = state.withLock { state in
      state.isStopped = true
      defer { state.listeners = [] }
      return (state.listeners, Array(state.loops.values))
    }
    for listener in listeners { await close(listener) }
    let deadline = TimeAmount.nanoseconds(Int64(min(max(0, deadlineSeconds), 1e9) * 1e9))
    let drained = loops.map { loop in
      loop.eventLoop.flatSubmit { loop.value.drain(within: deadline) }
    }
    for loop in drained { try? await loop.get() }
  }

  private func makeLoop(_ eventLoop: any EventLoop) -> NIOLoopBound<HTTPLoop> {
    let loop = HTTPLoop(
      eventLoop: eventLoop, configuration: configuration, counters: counters, logger: logger,
      handler: makeHandler(eventLoop))
    loop.startSweeping()
    return NIOLoopBound(loop, eventLoop: eventLoop)
  }

  private func close(_ listener: any Channel) async {
    let path = listener.localAddress?.pathname
    try? await listener.close().get()
    if let path { UnixSockets.remove(path) }
  }
}
