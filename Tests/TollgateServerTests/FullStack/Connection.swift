import NIOCore
import NIOPosix

/// A request as the tests say it. `Host`, `Content-Length` and `Content-Type` are added where they are
/// missing.
struct Request: Sendable {
  var method: String
  var path: String
  var headers: [(String, String)]
  var body: String?

  init(_ method: String, _ path: String, _ headers: [(String, String)] = [], _ body: String? = nil) {
    self.method = method
    self.path = path
    self.headers = headers
    self.body = body
  }

  var bytes: [UInt8] {
    var text = "\(method) \(path) HTTP/1.1\r\n"
    var all = headers
    func add(_ name: String, _ value: String) {
      if !all.contains(where: { $0.0.lowercased() == name.lowercased() }) { all.append((name, value)) }
    }
    add("Host", "tollgate.test")
    if let body {
      add("Content-Length", String(body.utf8.count))
      add("Content-Type", "application/json")
    }
    for (name, value) in all { text += "\(name): \(value)\r\n" }
    return Array((text + "\r\n" + (body ?? "")).utf8)
  }
}

/// The connection ended before an answer was whole.
struct ConnectionEnded: Error {}

/// One TCP connection to a server. Requests may be pipelined; answers come in their order.
struct Connection: Sendable {
  private let channel: any Channel
  private static let patience = TimeAmount.seconds(20)

  /// `resets`: closing it is a reset, as when a client dies; not the end of what it says.
  static func open(_ port: Int, resets: Bool = false) async throws -> Connection {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AnswerReader())
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    if resets, let options = channel as? any SocketOptionProvider {
      // On, and for no time: two integers of a C module that only NIO imports.
      var linger = try await options.getSoLinger().get()
      unsafe withUnsafeMutableBytes(of: &linger) { bytes in
        unsafe bytes.storeBytes(of: SIMD2<Int32>(1, 0), as: SIMD2<Int32>.self)
      }
      try await options.setSoLinger(linger).get()
    }
    return Connection(channel: channel)
  }

  /// One request over a connection of its own.
  static func once(_ request: Request, port: Int) async throws -> Answer {
    let connection = try await open(port)
    do {
      let answer = try await connection.send(request)
      await connection.close()
      return answer
    } catch {
      await connection.close()
      throw error
    }
  }

  func send(_ request: Request) async throws -> Answer {
    try await start(request.bytes, isHead: request.method == "HEAD").get()
  }

  func send(raw bytes: [UInt8]) async throws -> Answer { try await start(bytes).get() }

  /// Sends the beginning of a request, or all of it; the future has its answer.
  func start(_ bytes: [UInt8], isHead: Bool = false) -> EventLoopFuture<Answer> {
    let promise = channel.eventLoop.makePromise(of: Answer.self)
    let exchange = Exchange(bytes: ByteBuffer(bytes: bytes), isHead: isHead, promise: promise)
    let late = channel.eventLoop.scheduleTask(in: Connection.patience) { promise.fail(ConnectionEnded()) }
    promise.futureResult.whenComplete { _ in late.cancel() }
    channel.writeAndFlush(exchange).whenFailure { _ in promise.fail(ConnectionEnded()) }
    return promise.futureResult
  }

  /// Sends the rest of a request that was begun.
  func more(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(Exchange(bytes: ByteBuffer(bytes: bytes), isHead: false, promise: nil))
  }

  func close() async { try? await channel.close() }
}

private struct Exchange: Sendable {
  var bytes: ByteBuffer
  var isHead: Bool
  /// nil for a part of a request that is waited for already.
  var promise: EventLoopPromise<Answer>?
}

/// Takes answers apart and gives them to those who wait.
private final class AnswerReader: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Exchange
  typealias OutboundOut = ByteBuffer

  private var waiting: [Exchange] = []
  private var received: [UInt8] = []
  private var isClosed = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let exchange = unwrapOutboundIn(data)
    if exchange.promise != nil {
      if isClosed {
        exchange.promise?.fail(ConnectionEnded())
      } else {
        waiting.append(exchange)
      }
    }
    context.write(wrapOutboundOut(exchange.bytes), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received += Array(unwrapInboundIn(data).readableBytesView)
    answer(isEnd: false)
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    answer(isEnd: true)
    for exchange in waiting { exchange.promise?.fail(ConnectionEnded()) }
    waiting = []
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func answer(isEnd: Bool) {
    while let first = waiting.first {
      guard let (answer, length) = Answer.parse(received, isHead: first.isHead, isEnd: isEnd) else { return }
      received.removeFirst(length)
      // An interim answer: the real one follows.
      if answer.status == 100 { continue }
      waiting.removeFirst()
      first.promise?.succeed(answer)
    }
  }
}
