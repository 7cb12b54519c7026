import NIOCore
import NIOPosix

/// A server that answers the handshake, and the first bytes after it with whatever a test says.
struct FakeServer: Sendable {
  private let channel: any Channel
  var url: String { "redis://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

  /// `answer` nil: it accepts and says nothing at all. Empty: it closes instead of answering.
  init(answer: [UInt8]?) async throws {
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func close() async throws { try await channel.close() }

  private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: [UInt8]?
    private var hasShakenHands = false

    init(answer: [UInt8]?) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard let answer else { return }
      guard hasShakenHands else {
        hasShakenHands = true
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "+OK\r\n")), promise: nil)
        return
      }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
      if answer.isEmpty { context.close(promise: nil) }
    }
  }
}
