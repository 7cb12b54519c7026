internal import Gate
internal import NIOCore
internal import RedisStore
internal import Settings

extension LiveBudgets {
  /// Over an engine of its own on `loop`; it connects in the background.
  static func connect(
    _ backend: Backend, loader: any AccountLoading, on loop: any EventLoop
  ) async throws -> LiveBudgets {
    let calendar = ZonedCalendar(backend.settings.catalog)
    let engine = try await loop.submit {
      NIOLoopBound(
        LoopCheckEngine.connect(
          on: loop, configuration: backend.redis, keyspace: backend.keyspace, calendar: calendar,
          thresholds: backend.settings.catalog.thresholds, epochs: backend.epochs, logger: backend.logger),
        eventLoop: loop)
    }.get()
    return LiveBudgets(
      engine: engine, principals: backend.store, accounts: backend.store, loader: loader,
      catalog: backend.settings.catalog)
  }

  /// For a process that books nothing itself, such as a command: nothing of the stream is ever in its own
  /// hands, so a load waits for the gates' flushers alone. Returns once it is connected; ``close()`` ends it.
  static func open(_ backend: Backend, on loop: any EventLoop) async throws -> LiveBudgets {
    let loader = AccountLoader(
      client: backend.client, keyspace: backend.keyspace, epochs: backend.epochs, store: backend.store,
      flushed: { _ in true })
    let budgets = try await connect(backend, loader: loader, on: loop)
    let engine = budgets.engine
    for _ in 0..<500 {
      if try await loop.submit({ engine.value.isReady }).get() { return budgets }
      try await Task.sleep(for: .milliseconds(10))
    }
    await budgets.close()
    throw StoreError.unavailable("Redis: not connected")
  }

  /// Ends the engine's connection.
  func close() async {
    let engine = engine
    // An event loop that was shut down has closed its channels.
    try? await engine.eventLoop.submit { engine.value.close() }.get()
  }
}
