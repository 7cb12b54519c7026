internal import Logging
internal import NIOCore

/// The channel handler of one connection: obeys what the parser says and moves bytes in and out.
///
/// One request is in flight at a time; those behind it wait unparsed in the inbound buffer. ``process()`` is
/// the one place that goes on from request to request, in a loop: a handler that responds at once only
/// changes ``phase`` and returns into that loop, so a thousand pipelined requests need no deeper stack.
final class HTTPConnection: ChannelInboundHandler, ChannelOutboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Phase {
    /// A request is awaited or partly here.
    case reading
    /// The handler has a request and hasn't responded.
    case inFlight
    /// The last response is on its way out.
    case closing
    /// Our side is closed; what the client still sends is thrown away.
    case lingering
    case closed
  }

  enum Limit { case none, idle, head, body, write, linger }

  /// What was said and isn't flushed yet; reused.
  var outbound: ByteBuffer
  var phase = Phase.reading
  /// Place in the loop's list; -1 when not in it.
  var index = -1
  /// The loop's tick at which ``deadlinePassed()`` is called.
  var deadline = UInt64.max

  let loop: HTTPLoop
  let exchange: HTTPExchange
  var context: ChannelHandlerContext?
  var limit = Limit.none
  /// Set while ``process()`` runs, which must not be entered twice.
  private var isProcessing = false
  /// Set amid a burst of reads, at the end of which everything is flushed at once.
  private var isReading = false
  /// The parser has seen all bytes there are and wants more.
  private var isStarved = true
  private(set) var isWritable = true
  /// The client has closed its side: it may still read.
  var isInputClosed = false
  /// NIO asked to read while we didn't want to.
  private var holdsRead = false
  private var owesContinue = false
  /// The client may still be sending, so that closing at once could reset the connection under its eyes.
  private var lingers = false
  private var isFlushingLast = false
  private var lingeredBytes = 0
  /// Bytes that waited for the client when it was last checked for progress.
  var stalledBytes = 0

  static let initialOutboundBytes = 2_048
  static let lingeredBytesMax = 4_194_304

  init(loop: HTTPLoop) {
    self.loop = loop
    exchange = HTTPExchange(loop: loop)
    outbound = ByteBufferAllocator().buffer(capacity: Self.initialOutboundBytes)
  }

  /// Parses and handles what there is, and flushes what came of it.
  func process() {
    guard !isProcessing else { return }
    isProcessing = true
    while true {
      while phase == .reading, isWritable, !isStarved, !isOutboundFull { advance() }
      if phase == .reading, isWritable, isStarved, isInputClosed { phase = .closing }
      if phase == .closing {
        flushLast()
      } else if !isReading || isOutboundFull {
        flush()
      }
      guard phase == .reading, isWritable, !isStarved else { break }
    }
    isProcessing = false
    armDeadline()
    resumeReading()
  }

  private var isOutboundFull: Bool { outbound.readableBytes >= loop.configuration.outboundBytesMax }

  private func advance() {
    switch exchange.inbound.next() {
    case .needMore:
      isStarved = true
      if owesContinue {
        owesContinue = false
        outbound.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
      }
    case .head:
      // Asked for only when the client can be waiting for it: not when the body is on its way already.
      owesContinue =
        exchange.inbound.parser.head.expectsContinue && !exchange.isHTTP10
        && exchange.inbound.unparsedCount == 0
      exchange.inbound.parser.bodyBytesMax = loop.handler.bodyBytesMax(for: exchange)
    case .complete:
      owesContinue = false
      exchange.keepAlive = exchange.inbound.parser.head.keepAlive && !loop.isDraining
      phase = .inFlight
      loop.handler.handle(exchange)
    case .failed(let rejection):
      reject(rejection)
    }
  }

  /// The handler has written its response into ``outbound``.
  func finishResponse() {
    if exchange.keepAlive {
      exchange.inbound.finishRequest()
      isStarved = exchange.inbound.isBlank
      limit = .none
      phase = .reading
    } else {
      // A client that asked for the end has nothing more to say; one that didn't may be sending.
      lingers =
        exchange.inbound.parser.head.keepAlive || exchange.inbound.unparsedCount > 0
      phase = .closing
    }
    process()
  }

  private func reject(_ rejection: HTTPRejection) {
    owesContinue = false
    exchange.keepAlive = false
    loop.handler.reject(rejection, exchange, into: &outbound)
    lingers = true
    phase = .closing
  }

  private func flush() {
    guard outbound.readableBytes > 0, let context else { return }
    context.writeAndFlush(wrapOutboundOut(outbound), promise: nil)
    // Written through, as a rule: then nobody else refers to the bytes and clearing keeps the memory.
    if outbound.capacity > HTTPInbound.retainedBytesMax {
      outbound = ByteBufferAllocator().buffer(capacity: Self.initialOutboundBytes)
    } else {
      outbound.clear()
    }
  }

  private func flushLast() {
    guard !isFlushingLast, let context else { return }
    isFlushingLast = true
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { result in
      guard self.phase == .closing else { return }
      switch result {
      case .success where self.lingers && !self.isInputClosed: self.linger()
      default: self.close()
      }
    }
    context.writeAndFlush(wrapOutboundOut(outbound), promise: written)
    outbound = ByteBuffer()
  }

  private func linger() {
    phase = .lingering
    context?.close(mode: .output, promise: nil)
    armDeadline()
    resumeReading()
  }

  /// Closes now; what is not flushed is lost.
  func close() {
    guard phase != .closed else { return }
    let wasInFlight = phase == .inFlight
    phase = .closed
    context?.close(promise: nil)
    release(wasInFlight: wasInFlight)
  }

  /// Lets go of everything that would keep this connection alive.
  private func release(wasInFlight: Bool) {
    deadline = .max
    guard exchange.connection != nil else { return }
    exchange.connection = nil
    // The handler may need it until it responds.
    if !wasInFlight { exchange.attachment = nil }
    loop.counters.connectionClosed()
    loop.remove(self)
  }

  // MARK: Reading on and holding back

  private var mayRead: Bool {
    switch phase {
    case .reading: isWritable
    case .inFlight: exchange.inbound.unparsedCount < loop.configuration.pipelinedBytesMax
    case .closing, .lingering: true
    case .closed: false
    }
  }

  private func resumeReading() {
    guard holdsRead, mayRead, let context else { return }
    holdsRead = false
    context.read()
  }

  func read(context: ChannelHandlerContext) {
    if mayRead {
      context.read()
    } else {
      holdsRead = true
    }
  }

  // MARK: Events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channelInactive(context: context)
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    exchange.connection = self
    loop.add(self)
    let open = loop.counters.connectionOpened()
    let openMax = loop.configuration.connectionsMax
    if open > openMax {
      loop.counters.connectionRejected()
      // Even turning away takes a descriptor for a while; past this reserve it is not done politely.
      guard open <= openMax + 256 else { return close() }
      reject(.overloaded)
      process()
    } else if loop.isDraining {
      close()
    } else {
      armDeadline()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let wasInFlight = phase == .inFlight
    phase = .closed
    release(wasInFlight: wasInFlight)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var received = unwrapInboundIn(data)
    isReading = true
    switch phase {
    case .reading:
      exchange.inbound.append(&received)
      isStarved = false
      process()
    case .inFlight:
      exchange.inbound.append(&received)
    case .closing, .lingering:
      lingeredBytes += received.readableBytes
      if lingeredBytes > Self.lingeredBytesMax { close() }
    case .closed:
      break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    process()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isWritable = context.channel.isWritable
    process()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else { return }
    isInputClosed = true
    if phase == .lingering {
      close()
    } else {
      process()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Resets are routine, and whoever causes them can't be told anything.
    loop.logger.trace("http.connection.error", metadata: ["error": "\(error)"])
    close()
  }
}

extension HTTPConnection {
  /// The server stops: an idle connection closes, others after their response.
  func beginDraining() {
    exchange.keepAlive = false
    guard phase == .reading, exchange.inbound.isBlank else { return }
    phase = .closing
    process()
  }

  /// The request on this connection took too long.
  func timeOut() {
    loop.counters.connectionTimedOut()
    reject(.timeout)
    process()
  }
}
