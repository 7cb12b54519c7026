import NIOCore
import NIOPosix

/// A raw connection: sends bytes, and reads until enough has come or the server has closed.
final class TestClient {
  private let channel: any Channel
  private var incoming: AsyncStream<ByteBuffer>.Iterator
  private var received: [UInt8] = []
  /// So many of the received bytes were given out.
  private var taken = 0

  init(_ address: SocketAddress, group: any EventLoopGroup) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    channel = try await ClientBootstrap(group: group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Collector(continuation))
        }
      }
      .connect(to: address).get()
    incoming = stream.makeAsyncIterator()
  }

  func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  /// Sends without waiting: the server may close meanwhile.
  func offer(_ text: String) {
    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
  }

  /// Sends the text again and again, until cancelled or closed.
  func drip(_ text: String) -> Task<Void, Never> {
    Task { [channel] in
      while !Task.isCancelled, (try? await channel.writeAndFlush(ByteBuffer(string: text))) != nil {}
    }
  }

  func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

  func closeOutput() async throws { try await channel.close(mode: .output) }

  func close() async throws { try await channel.close() }

  /// The next response: a head, and as many bytes as its Content-Length says (none for an interim one).
  func response(toHead: Bool = false) async throws -> TestResponse {
    var bodyLower = headEnd
    while bodyLower == nil {
      guard try await more() else { throw UnexpectedEnd(received: take(received.count)) }
      bodyLower = headEnd
    }
    let lines = take((bodyLower ?? 0) - taken).split(separator: "\r\n").map(String.init)
    let length =
      lines.first { $0.lowercased().hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
    let needed = toHead ? 0 : length
    while received.count - taken < needed {
      guard try await more() else { throw UnexpectedEnd(received: take(received.count)) }
    }
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return TestResponse(
      status: status, headers: lines.dropFirst().map { $0.lowercased() }, body: take(needed))
  }

  /// Everything up to the end of the connection.
  func rest() async throws -> String {
    while try await more() {}
    return take(received.count)
  }

  private func more() async throws -> Bool {
    guard let buffer = await incoming.next(isolation: #isolation) else { return false }
    received.removeFirst(taken)
    taken = 0
    received += buffer.readableBytesView
    return true
  }

  private func take(_ count: Int) -> String {
    let upper = min(received.count, taken + count)
    defer { taken = upper }
    return String(decoding: received[taken..<upper], as: UTF8.self)
  }

  /// Where the next head ends. Characters would take CRLF for one, so it goes by bytes.
  private var headEnd: Int? {
    var index = taken + 4
    while index <= received.count {
      if received[index - 1] == 10, received[index - 4..<index].elementsEqual([13, 10, 13, 10]) {
        return index
      }
      index += 1
    }
    return nil
  }
}

struct TestResponse: Equatable {
  var status: Int
  /// In lower case.
  var headers: [String]
  var body: String

  var saysClose: Bool { headers.contains("connection: close") }
}

struct UnexpectedEnd: Error {
  var received: String
}

private final class Collector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let continuation: AsyncStream<ByteBuffer>.Continuation

  init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }

  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed {
      continuation.finish()
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    continuation.finish()
    context.close(promise: nil)
  }
}
