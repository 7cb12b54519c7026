internal import AsyncHTTPClient
internal import Logging
internal import ServiceLifecycle

/// A server that runs within a test.
package struct RunningStripeFake: Sendable {
  package let server: StripeFakeServer
  /// On 127.0.0.1.
  package let port: Int

  /// `http://127.0.0.1:…`, for `TOLLGATE_STRIPE_API_BASE`.
  package var url: String { "http://127.0.0.1:\(port)" }

  /// Runs a server on a free port of 127.0.0.1 for as long as `body` takes. The clock stands still unless it
  /// is advanced.
  package static func run(
    _ sandbox: StripeSandbox, clock: StripeFakeServer.ClockMode = .frozen,
    realNow: @escaping @Sendable () -> Int64, _ body: (RunningStripeFake) async throws -> Void
  ) async throws {
    let server = StripeFakeServer(sandbox, clock: clock, realNow: realNow)
    let client = HTTPClient(eventLoopGroupProvider: .singleton)
    let (ports, announce) = AsyncStream.makeStream(of: Int.self)
    let logger = Logger(label: "stripe-fake") { _ in SwiftLogNoOpLogHandler() }
    let services = server.services(host: "127.0.0.1", port: 0, client: client, logger: logger) {
      announce.yield($0)
    }
    let group = ServiceGroup(
      configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
    let running = Task {
      defer { announce.finish() }
      try await group.run()
    }
    do {
      for await port in ports {
        try await body(RunningStripeFake(server: server, port: port))
        break
      }
      await group.triggerGracefulShutdown()
      try await running.value
    } catch {
      await group.triggerGracefulShutdown()
      _ = await running.result
      try await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }
}
