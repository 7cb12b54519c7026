import HTTPServing
import Logging
import NIOCore
import NIOPosix
import Testing

/// Everything over live sockets, one test at a time: dozens of event loops at once say nothing more, and
/// under the thread sanitizer they starve each other in the runtime's own locks.
@Suite("Over sockets", .serialized, .timeLimit(.minutes(2)))
struct SocketTests {}

/// A live server on a free port, whose handler does what the path says.
///
/// `/hold` keeps its exchange until somebody asks for `/release`; `events` tells what the handler has seen,
/// so that tests wait for what happened instead of for time to pass.
struct TestServer {
  let server: HTTPServer
  let group: MultiThreadedEventLoopGroup
  let addresses: [SocketAddress]
  let events: Events

  /// What handlers have seen, in order.
  final class Events: Sendable {
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(of: String.self) }

    func note(_ event: String) { continuation.yield(event) }

    /// Waits for the event, passing over others.
    func wait(for event: String) async {
      for await seen in stream where seen == event { return }
    }
  }

  static func run(
    on addresses: [HTTPBindAddress] = [.tcp(host: "127.0.0.1", port: 0)], threads: Int = 1,
    _ configure: (inout HTTPServingConfiguration) -> Void = { _ in },
    _ body: (TestServer) async throws -> Void
  ) async throws {
    var configuration = HTTPServingConfiguration()
    configuration.sweepMilliseconds = 5
    configure(&configuration)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    let events = Events()
    let server = HTTPServer(
      group: group, addresses: addresses, configuration: configuration, logger: Logger(label: "test")
    ) { _ in ScriptedHandler(events) }
    do {
      let bound = try await server.start()
      try await body(TestServer(server: server, group: group, addresses: bound, events: events))
    } catch {
      await server.shutdownGracefully(deadlineSeconds: 0)
      try await group.shutdownGracefully()
      throw error
    }
    await server.shutdownGracefully(deadlineSeconds: 0)
    try await group.shutdownGracefully()
  }

  func connect(_ index: Int = 0) async throws -> TestClient {
    try await TestClient(addresses[index], group: group)
  }

  func get(_ path: String) async throws -> TestResponse {
    let client = try await connect()
    try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return try await client.response()
  }
}

final class ScriptedHandler: HTTPHandler {
  private let events: TestServer.Events
  private var held: [HTTPExchange] = []

  init(_ events: TestServer.Events) { self.events = events }

  func bodyBytesMax(for exchange: HTTPExchange) -> Int {
    events.note("head \(exchange.string(exchange.path))")
    return exchange.string(exchange.path) == "/large" ? 1 << 20 : 64
  }

  func handle(_ exchange: HTTPExchange) {
    let path = exchange.string(exchange.path)
    events.note(path)
    switch path {
    case "/hold":
      held.append(exchange)
    case "/release":
      let released = held
      held = []
      for exchange in released { answer(exchange, "released \(exchange.isOpen)") }
      answer(exchange, "\(released.map(\.isOpen))")
    case "/async":
      exchange.respond(asynchronously: { [events] request in
        events.note("task")
        return HTTPResponse(
          status: 201,
          headers: [
            ("X-Path", request.path), ("X-Remote", request.remoteAddress ?? "none"),
            ("Content-Length", "999"),
          ], body: request.body)
      })
    case "/stuck":
      exchange.respond(asynchronously: { [events] _ in
        events.note("task")
        // Until it is cancelled.
        for await _ in AsyncStream<Void>.makeStream().stream {}
        events.note("cancelled")
        return HTTPResponse(status: 200)
      })
    case "/inject":
      exchange.respond(with: HTTPResponse(status: 200, headers: [("X", "a\r\nY: b")]))
    case "/last":
      exchange.keepAlive = false
      answer(exchange, path)
    case "/megabyte":
      answer(exchange, String(repeating: "x", count: 1 << 20))
    default:
      answer(exchange, "\(path)|\(exchange.string(exchange.body))")
    }
  }

  private func answer(_ exchange: HTTPExchange, _ text: String) {
    exchange.respond(with: HTTPResponse(status: 200, body: ByteBuffer(string: text)))
  }

  func reject(_ error: HTTPRejection, _ exchange: HTTPExchange, into out: inout ByteBuffer) {
    events.note("reject \(error.status)")
    HTTPResponse(status: error.status, body: ByteBuffer(string: error.reason.description))
      .write(into: &out, for: exchange)
  }
}
