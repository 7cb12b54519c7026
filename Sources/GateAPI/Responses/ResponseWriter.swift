internal import Gate
internal import HTTPServing
internal import NIOCore

/// The frame that every answer of the data plane has: status line, request id, length, connection.
struct ResponseWriter {
  /// The body is made first, for its length stands before it; storage reused from answer to answer.
  private var body = ByteBuffer()

  init() { body.reserveCapacity(1024) }

  /// Writes one whole response. `head` adds header lines, each with its line end.
  mutating func respond(
    to exchange: HTTPExchange, status: Int, requestID: RequestID, isProblem: Bool = false,
    head: (inout ByteBuffer) -> Void = { _ in }, body makeBody: (inout ByteBuffer) -> Void
  ) {
    body.clear()
    makeBody(&body)
    exchange.respond { out in
      HTTPStatusLine.write(status, into: &out)
      requestID.write(into: &out, exchange)
      if body.readableBytes > 0 {
        out.writeStaticString(
          isProblem ? "Content-Type: application/problem+json\r\n" : "Content-Type: application/json\r\n")
      }
      head(&out)
      finish(exchange, status: status, into: &out)
    }
  }

  private func finish(_ exchange: HTTPExchange, status: Int, into out: inout ByteBuffer) {
    if status != 204, status != 304 {
      out.writeStaticString("Content-Length: ")
      out.json(Int64(body.readableBytes))
      out.writeStaticString("\r\n")
    }
    if !exchange.keepAlive {
      out.writeStaticString("Connection: close\r\n")
    } else if exchange.isHTTP10 {
      out.writeStaticString("Connection: keep-alive\r\n")
    }
    out.writeStaticString("\r\n")
    if exchange.method != .head, status != 204, status != 304 { out.writeImmutableBuffer(body) }
  }
}

/// The id that a response carries: the request's own if it is sane, else a fresh one.
struct RequestID {
  private let own: HTTPSlice?
  private let made: OperationID

  /// A caller's id is taken as it is when it is 1 to 128 of `[A-Za-z0-9_.:-]`.
  init(_ exchange: HTTPExchange, made: OperationID) {
    self.made = made
    guard let value = exchange.value(of: .requestID), !exchange.isRepeated(.requestID),
      (1...128).contains(value.count),
      exchange.withSpan(of: value, { span in RequestID.isSane(span) })
    else {
      own = nil
      return
    }
    own = value
  }

  private static func isSane(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      switch bytes[index] {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: continue
      default: return false
      }
    }
    return true
  }

  func write(into out: inout ByteBuffer, _ exchange: HTTPExchange) {
    out.writeStaticString("X-Request-Id: ")
    if let own {
      exchange.write(own, into: &out)
    } else {
      out.writeInteger(made.high)
      out.writeInteger(made.low)
    }
    out.writeStaticString("\r\n")
  }
}
