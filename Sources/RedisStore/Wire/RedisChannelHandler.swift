internal import NIOCore

/// The socket's end of one connection: bytes to replies. Belongs to one channel, and so to one generation;
/// once dropped it hears and says nothing.
final class RedisChannelHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let generation: UInt64
  private var connection: RedisConnection?
  private var context: ChannelHandlerContext?
  private let reader: RedisReplyReader

  init(generation: UInt64, limits: ConnectionLimits) {
    self.generation = generation
    reader = RedisReplyReader(
      replyBytesMax: limits.replyBytesMax, replyElementsMax: limits.replyElementsMax)
  }

  /// From now on `connection` hears of this channel. Until then it was one candidate of several, whose
  /// end means nothing.
  func adopt(by connection: RedisConnection) { self.connection = connection }

  func write(_ buffer: ByteBuffer) {
    context?.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
  }

  /// Closes the channel, and cuts the tie to the connection first: closing may call back at once.
  func drop() {
    connection = nil
    context?.close(promise: nil)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let connection else { return }
    connection.heard()
    let buffer = unwrapInboundIn(data)
    let problem = unsafe buffer.withUnsafeReadableBytes { unsafe read($0) }
    if let problem { self.connection?.protocolError(problem, generation: generation) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection?.channelLost(generation: generation, reason: "Redis closed the connection")
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection?.channelLost(generation: generation, reason: "\(error)")
    context.close(promise: nil)
  }

  /// Delivers every whole reply; a text when the bytes aren't RESP2.
  private func read(_ bytes: UnsafeRawBufferPointer) -> String? {
    var start = 0
    while start < bytes.count {
      let end = min(start + RedisReplyReader.pieceBytesMax, bytes.count)
      let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      guard unsafe reader.feed(piece) else { return "a reply past the size limit" }
      start = end
      var hasMore = true
      while hasMore {
        switch reader.next() {
        case .malformed(let problem): return problem
        case .needsMore: hasMore = false
        case .reply:
          // The receiver of an earlier reply may have closed the connection: then the rest is nobody's.
          guard let connection else { return nil }
          connection.deliver(reader.reply)
        }
      }
    }
    return nil
  }
}
