package import Gate
internal import Logging
package import NIOCore

/// A ``RedisConnection`` as any task may use it: each call goes to the connection's loop and back.
package struct RedisConnectionHandle: Sendable {
  private let connection: NIOLoopBound<RedisConnection>
  private let eventLoop: any EventLoop
  private let defaultDeadline: TimeAmount

  /// For a connection that exists already, on its loop: the data plane's may be shared so.
  package init(_ connection: RedisConnection) {
    self.connection = NIOLoopBound(connection, eventLoop: connection.eventLoop)
    eventLoop = connection.eventLoop
    defaultDeadline = connection.configuration.limits.defaultDeadline
  }

  static func open(
    eventLoop: any EventLoop, configuration: RedisConnectionConfiguration, logger: Logger,
    onReady: RedisReadyHook?
  ) async throws(StoreError) -> RedisConnectionHandle {
    try await StoreError.mapping {
      try await eventLoop.submit {
        RedisConnectionHandle(
          RedisConnection(
            eventLoop: eventLoop, configuration: configuration, logger: logger, onReady: onReady))
      }.get()
    }
  }

  /// As ``RedisClient/command(_:deadline:)``.
  package func command(
    _ arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await reply(to: arguments, deadline: deadline).orThrow()
  }

  /// As ``RedisClient/reply(to:deadline:)``.
  package func reply(
    to arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await whenReady(deadline: deadline) { $0.command(arguments, deadline: $1) }
  }

  /// As ``RedisClient/call(_:keys:arguments:deadline:)``.
  package func call(
    _ function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) async throws(StoreError) -> RedisValue {
    try await whenReady(deadline: deadline) {
      $0.call(function, keys: keys, arguments: arguments, deadline: $1)
    }.orThrow()
  }

  /// Calls a function without waiting: from any thread, in the shortest way there is. A connection that isn't ready
  /// drops it.
  package func fire(_ function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument]) {
    eventLoop.execute {
      _ = connection.value.call(function, keys: keys, arguments: arguments)
    }
  }

  /// Returns when the connection is ready; throws `unavailable` at `deadline`.
  package func waitUntilReady(deadline: NIODeadline) async throws(StoreError) {
    try await StoreError.mapping {
      try await eventLoop.flatSubmit { connection.value.whenReady(deadline: deadline) }.get()
    }
  }

  /// As they are now; those of a new connection when the loop has been shut down.
  package func counters() async -> RedisConnectionCounters {
    (try? await eventLoop.submit { connection.value.counters }.get()) ?? RedisConnectionCounters()
  }

  /// Fails what is pending and closes for good. Closing twice does no harm.
  package func close() async {
    // An event loop that was shut down has closed its channels.
    try? await eventLoop.submit { connection.value.close() }.get()
  }

  private func whenReady(
    deadline: NIODeadline?,
    _ body: @escaping @Sendable (RedisConnection, NIODeadline) -> EventLoopFuture<RedisValue>
  ) async throws(StoreError) -> RedisValue {
    let deadline = deadline ?? .now() + defaultDeadline
    return try await StoreError.mapping {
      try await eventLoop.flatSubmit {
        let connection = connection.value
        if connection.isReady { return body(connection, deadline) }
        return connection.whenReady(deadline: deadline).flatMap { body(self.connection.value, deadline) }
      }.get()
    }
  }
}
