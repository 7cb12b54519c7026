package import Gate
package import Logging
package import NIOCore
internal import Synchronization

/// Redis for the control plane: async calls from any task, over a few connections on given event loops.
/// A call waits, within its deadline, for a connection to become ready.
package final class RedisClient: Sendable {
  private let connections: [RedisConnectionHandle]
  private let configuration: RedisConnectionConfiguration
  private let logger: Logger
  private let onReady: RedisReadyHook?
  private let eventLoops: [any EventLoop]
  private let turn = Atomic<Int>(0)

  /// Starts to connect, one connection per loop, and doesn't wait for them. `eventLoops` isn't empty.
  /// ``close()`` ends what this starts.
  package init(
    eventLoops: [any EventLoop], configuration: RedisConnectionConfiguration, logger: Logger,
    onReady: RedisReadyHook? = nil
  ) async throws(StoreError) {
    precondition(!eventLoops.isEmpty, "a client without event loops")
    self.eventLoops = eventLoops
    self.configuration = configuration
    self.logger = logger
    self.onReady = onReady
    var connections: [RedisConnectionHandle] = []
    for eventLoop in eventLoops {
      connections.append(
        try await RedisConnectionHandle.open(
          eventLoop: eventLoop, configuration: configuration, logger: logger, onReady: onReady))
    }
    self.connections = connections
  }

  /// One command; an error reply throws (`unavailable` when Redis can't serve anyone for now, else
  /// `internalError`). Without a `deadline` it is the configuration's default from now.
  package func command(
    _ arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await next().command(arguments, deadline: deadline)
  }

  /// As ``command(_:deadline:)``, with error replies as values: for callers that expect one (BUSYGROUP).
  package func reply(
    to arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await next().reply(to: arguments, deadline: deadline)
  }

  /// FCALL, loading the library where Redis doesn't have it. Errors as for ``command(_:deadline:)``.
  package func call(
    _ function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await next().call(function, keys: keys, arguments: arguments, deadline: deadline)
  }

  /// As ``RedisConnectionHandle/fire(_:keys:arguments:)``.
  package func fire(_ function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument]) {
    next().fire(function, keys: keys, arguments: arguments)
  }

  /// Returns when every connection is ready; throws `unavailable` at `deadline`.
  package func waitUntilReady(deadline: NIODeadline) async throws(StoreError) {
    for connection in connections { try await connection.waitUntilReady(deadline: deadline) }
  }

  /// A connection of its own for blocking commands (XREADGROUP BLOCK). Give each a deadline past its block
  /// time; while one blocks, others on the same connection wait. The caller closes it.
  package func makeDedicatedConnection() async throws(StoreError) -> RedisConnectionHandle {
    let position = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return try await RedisConnectionHandle.open(
      eventLoop: eventLoops[Int(UInt(bitPattern: position) % UInt(eventLoops.count))],
      configuration: configuration, logger: logger, onReady: onReady)
  }

  /// Summed over the connections; `isCircuitOpen` when any is.
  package func counters() async -> RedisConnectionCounters {
    var sum = RedisConnectionCounters()
    for connection in connections { sum.add(await connection.counters()) }
    return sum
  }

  /// Closes all connections; calls under way throw. Dedicated connections are their callers'.
  package func close() async {
    for connection in connections { await connection.close() }
  }

  private func next() -> RedisConnectionHandle {
    let position = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return connections[Int(UInt(bitPattern: position) % UInt(connections.count))]
  }
}
