package import NIOCore

/// The connection's unread bytes and the parser over them: a value, so that everything about the bytes can
/// be tested without a socket.
package struct HTTPInbound {
  /// What ``next()`` came to.
  package enum Event: Equatable, Sendable {
    /// All bytes are used up, and no request is complete.
    case needMore
    /// The head is complete: ``bodyBytesMax`` has to be set before going on.
    case head
    /// A request is complete; ``finishRequest()`` makes way for the one after it.
    case complete
    /// No acceptable request; nothing after it is parsed.
    case failed(HTTPRejection)
  }

  /// The reader index stays at 0: slices are offsets from there.
  package private(set) var bytes: ByteBuffer
  var parser: HTTPRequestParser

  /// Past this capacity the buffer is given back after the request, so that one large body doesn't keep its
  /// memory for as long as the connection lives.
  static let retainedBytesMax = 65_536
  static let initialBytes = 2_048

  /// An empty buffer.
  package init(limits: HTTPLimits) {
    bytes = ByteBufferAllocator().buffer(capacity: Self.initialBytes)
    parser = HTTPRequestParser(limits: limits)
  }

  /// Bytes that belong to no request that was parsed yet.
  var unparsedCount: Int { bytes.writerIndex - parser.position }

  /// True when not one byte of the next request is here.
  var isBlank: Bool { parser.phase == .requestLine && bytes.writerIndex == parser.start }

  /// The head of the request, as far as it is parsed.
  package var head: HTTPRequestHead { parser.head }

  /// The decoded body; all of it once the request is complete.
  package var body: HTTPSlice { parser.body }

  /// Largest decoded body, in bytes.
  package var bodyBytesMax: Int {
    get { parser.bodyBytesMax }
    set { parser.bodyBytesMax = newValue }
  }

  /// Takes over all readable bytes.
  package mutating func append(_ received: inout ByteBuffer) {
    bytes.writeBuffer(&received)
  }

  /// Parses up to the next event.
  package mutating func next() -> Event {
    while true {
      switch Self.step(&parser, bytes) {
      case .needMore:
        if parser.isInChunkedBody { squeeze() }
        return .needMore
      case .head:
        return .head
      case .moveBody(let from, let to, let count):
        move(from: from, to: to, count: count)
      case .complete:
        return .complete
      case .failed(let rejection):
        return .failed(rejection)
      }
    }
  }

  /// Two arguments, because a span of one property forbids changing another through `self`.
  @inline(__always)
  private static func step(
    _ parser: inout HTTPRequestParser, _ bytes: ByteBuffer
  ) -> HTTPRequestParser.Step {
    parser.step(bytes.readableBytesUInt8Span)
  }

  /// Forgets the request that was complete; the bytes after it are the next one's.
  package mutating func finishRequest() {
    let end = parser.position
    let rest = bytes.writerIndex - end
    if rest == 0 {
      if bytes.capacity > Self.retainedBytesMax {
        bytes = ByteBufferAllocator().buffer(capacity: Self.initialBytes)
      } else {
        bytes.clear()
      }
      parser.reset(at: 0)
    } else if end >= rest {
      // What is moved is no more than what was consumed: however many requests wait in the buffer, each
      // byte is moved once on average.
      move(from: end, to: 0, count: rest)
      bytes.moveWriterIndex(to: rest)
      parser.reset(at: 0)
    } else {
      parser.reset(at: end)
    }
  }

  /// Throws away chunk framing that was parsed, so that the buffer grows with the body alone.
  private mutating func squeeze() {
    let gap = parser.position - Int(parser.body.upper)
    guard gap > 0 else { return }
    let rest = bytes.writerIndex - parser.position
    move(from: parser.position, to: Int(parser.body.upper), count: rest)
    bytes.moveWriterIndex(to: Int(parser.body.upper) + rest)
    parser.shift(down: gap)
  }

  private mutating func move(from: Int, to: Int, count: Int) {
    do {
      try bytes.copyBytes(at: from, to: to, length: count)
    } catch {
      preconditionFailure("The parser moves readable bytes only: \(error)")
    }
  }
}
