import NIOCore
import NIOPosix
import Synchronization

/// A value of RESP2.
enum RedisAnswer: Equatable, Sendable {
  case text(String)
  case integer(Int64)
  case null
  case error(String)
  case array([RedisAnswer])

  var string: String? { if case .text(let value) = self { value } else { nil } }
}

/// The tests' own way to Redis: what the server's driver says is not taken for granted. After MONITOR, what
/// Redis tells gathers in ``told``.
final class RedisProbe: Sendable {
  private let channel: any Channel
  private let lines: Lines

  /// What came without having been asked for.
  fileprivate final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  static func open(_ port: Int) async throws -> RedisProbe {
    let lines = Lines()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ReplyReader(lines))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RedisProbe(channel: channel, lines: lines)
  }

  private init(channel: any Channel, lines: Lines) {
    self.channel = channel
    self.lines = lines
  }

  var told: [String] { lines.all.withLock { $0 } }

  @discardableResult
  func command(_ words: String...) async throws -> RedisAnswer {
    var text = "*\(words.count)\r\n"
    for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    let promise = channel.eventLoop.makePromise(of: RedisAnswer.self)
    let late = channel.eventLoop.scheduleTask(in: .seconds(20)) { promise.fail(ConnectionEnded()) }
    promise.futureResult.whenComplete { _ in late.cancel() }
    channel.writeAndFlush(RedisQuestion(bytes: ByteBuffer(string: text), promise: promise))
      .whenFailure { _ in promise.fail(ConnectionEnded()) }
    return try await promise.futureResult.get()
  }

  func close() async { try? await channel.close() }
}

private struct RedisQuestion: Sendable {
  var bytes: ByteBuffer
  var promise: EventLoopPromise<RedisAnswer>
}

private final class ReplyReader: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = RedisQuestion
  typealias OutboundOut = ByteBuffer

  private var waiting: [EventLoopPromise<RedisAnswer>] = []
  private var received = ByteBuffer()
  private let lines: RedisProbe.Lines

  init(_ lines: RedisProbe.Lines) { self.lines = lines }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let question = unwrapOutboundIn(data)
    waiting.append(question.promise)
    context.write(wrapOutboundOut(question.bytes), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    while true {
      let start = received.readerIndex
      guard let answer = value() else {
        received.moveReaderIndex(to: start)
        received.discardReadBytes()
        return
      }
      if waiting.isEmpty {
        if let text = answer.string { lines.all.withLock { $0.append(text) } }
      } else {
        waiting.removeFirst().succeed(answer)
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    for promise in waiting { promise.fail(ConnectionEnded()) }
    waiting = []
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func line() -> String? {
    guard let end = received.readableBytesView.firstIndex(of: 0x0D), end + 1 < received.writerIndex else {
      return nil
    }
    let text = received.readString(length: end - received.readerIndex)
    received.moveReaderIndex(forwardBy: 2)
    return text
  }

  /// The next value; nil when it is not whole yet.
  private func value() -> RedisAnswer? {
    guard let line = line(), let kind = line.first else { return nil }
    let rest = String(line.dropFirst())
    switch kind {
    case "+": return .text(rest)
    case "-": return .error(rest)
    case ":": return .integer(Int64(rest) ?? 0)
    case "$":
      guard let length = Int(rest), length >= 0 else { return .null }
      guard received.readableBytes >= length + 2, let text = received.readString(length: length) else {
        return nil
      }
      received.moveReaderIndex(forwardBy: 2)
      return .text(text)
    default:
      guard let count = Int(rest), count >= 0 else { return .null }
      var values: [RedisAnswer] = []
      for _ in 0..<count {
        guard let next = value() else { return nil }
        values.append(next)
      }
      return .array(values)
    }
  }
}
