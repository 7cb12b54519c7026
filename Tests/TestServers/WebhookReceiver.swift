internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An HTTP server on loopback that notes what is posted to it, and answers as it is told.
package final class WebhookReceiver: Sendable {
  /// One request.
  package struct Delivery: Sendable, Equatable {
    package var path: String
    /// By their names in lower case.
    package var headers: [String: String]
    package var body: String
  }
  /// What it is answered.
  package enum Reply: Sendable {
    case status(Int, headers: [(String, String)] = [], body: String = "")
    /// Nothing, ever.
    case silence
    /// A head, and a body that never ends.
    case endlessBody
    /// The connection is closed.
    case hangUp
  }

  private struct State {
    var deliveries: [Delivery] = []
    var reply: @Sendable (Delivery, Int) -> Reply = { _, _ in .status(200) }
  }
  private final class Exchange: Sendable {
    let state = Mutex(State())
  }
  private let exchange: Exchange
  private let channel: any Channel

  /// Its port of 127.0.0.1.
  package let port: Int

  /// Where events may be posted to.
  package var url: String { "http://127.0.0.1:\(port)/hooks" }

  /// What has come so far.
  package var deliveries: [Delivery] { exchange.state.withLock { $0.deliveries } }

  private init(channel: any Channel, exchange: Exchange) {
    self.channel = channel
    self.exchange = exchange
    port = channel.localAddress?.port ?? 0
  }

  /// Begins to listen; every request is answered 200 until ``answer(_:)`` says otherwise.
  package static func start(port: Int = 0) async throws -> WebhookReceiver {
    let exchange = Exchange()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(exchange: exchange))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    return WebhookReceiver(channel: channel, exchange: exchange)
  }

  /// Decides by the request and its number, from 0.
  package func answer(_ reply: @escaping @Sendable (Delivery, Int) -> Reply) {
    exchange.state.withLock { $0.reply = reply }
  }

  /// Listens no longer: whoever connects is refused.
  package func close() async throws { try await channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let exchange: Exchange
    private var delivery: Delivery?

    init(exchange: Exchange) { self.exchange = exchange }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
        delivery = Delivery(
          path: head.uri, headers: Dictionary(headers, uniquingKeysWith: { $0 + ", " + $1 }), body: "")
      case .body(let bytes): delivery?.body += String(buffer: bytes)
      case .end:
        guard let delivery else { return }
        let (reply, number) = exchange.state.withLock { state in
          state.deliveries.append(delivery)
          return (state.reply, state.deliveries.count - 1)
        }
        self.write(reply(delivery, number), context)
      }
    }

    private func write(_ reply: Reply, _ context: ChannelHandlerContext) {
      switch reply {
      case .silence: return
      case .hangUp: context.close(promise: nil)
      case .status(let status, let headers, let body):
        var fields = HTTPHeaders(headers)
        fields.replaceOrAdd(name: "content-length", value: String(body.utf8.count))
        head(status, fields, context)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .endlessBody:
        head(200, ["content-length": "1000000"], context)
        context.writeAndFlush(
          wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "to be continued")))), promise: nil)
      }
    }

    private func head(_ status: Int, _ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
      let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
    }
  }
}
