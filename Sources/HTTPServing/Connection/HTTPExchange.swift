package import NIOCore

/// One request and the way to respond to it. There is one per connection, reused for each of its requests
/// and confined to its event loop (not Sendable).
///
/// A handler may keep the exchange until it has called `respond`; its slices are valid until then, even when
/// the client goes away meanwhile. `respond` is then without effect and the exchange is not used again.
package final class HTTPExchange {
  /// The loop that this exchange must not leave.
  package let eventLoop: any EventLoop
  /// The handler's own scratch, kept for as long as the connection (and the request in flight, if any).
  package var attachment: AnyObject?
  /// What the response has to say: the writer adds `Connection: close` when false. A handler may set it to
  /// false before it writes, to have the connection closed after the response.
  package var keepAlive = false

  var inbound: HTTPInbound
  /// Nil once the connection is closed.
  var connection: HTTPConnection?
  let loop: HTTPLoop

  init(loop: HTTPLoop) {
    self.loop = loop
    eventLoop = loop.eventLoop
    inbound = HTTPInbound(limits: loop.configuration.limits)
  }

  /// The request's method.
  @inline(__always)
  package var method: HTTPMethod { inbound.parser.head.method }

  /// The method as it was sent, for those that ``method`` doesn't name.
  package var methodText: HTTPSlice { inbound.parser.head.methodText }

  /// The path as it was sent, without the query: begins with `/`, still percent-encoded, visible ASCII. A
  /// lone `*` for `OPTIONS *`.
  @inline(__always)
  package var path: HTTPSlice { inbound.parser.head.path }

  /// What follows the first `?`, percent-encoded and possibly empty; nil without one.
  @inline(__always)
  package var query: HTTPSlice? { inbound.parser.head.query }

  /// The body: complete, contiguous, decoded. Empty for a request without one.
  @inline(__always)
  package var body: HTTPSlice { inbound.parser.body }

  /// True for HTTP/1.0, whose clients expect `Connection: keep-alive` in a response when ``keepAlive``.
  package var isHTTP10: Bool { inbound.parser.head.versionMinor == 0 }

  /// Number of header fields, repeated ones counted each time.
  package var headerCount: Int { inbound.parser.head.fields.count }

  /// Name of the header field at `index`, 0 ..< ``headerCount``, as it was sent.
  package func headerName(_ index: Int) -> HTTPSlice { inbound.parser.head.fields[index].name }

  /// Value of the header field at `index`, 0 ..< ``headerCount``, without surrounding white space. Bytes
  /// from 0x80 on are possible, control characters other than the tab are not.
  package func headerValue(_ index: Int) -> HTTPSlice { inbound.parser.head.fields[index].value }

  /// Value of the first such field, or nil; O(1).
  @inline(__always)
  package func value(of header: KnownHeader) -> HTTPSlice? { inbound.parser.head.value(of: header) }

  /// True when the field was sent more than once; O(1).
  @inline(__always)
  package func isRepeated(_ header: KnownHeader) -> Bool { inbound.parser.head.isRepeated(header) }

  /// Value of the first field of that name, whatever its case, or nil; O(number of fields).
  package func firstValue(named name: StaticString) -> HTTPSlice? {
    let buffer = inbound.bytes
    let bytes = buffer.readableBytesUInt8Span
    for field in inbound.parser.head.fields
    where Octets.equalIgnoringCase(bytes, Int(field.name.lower), Int(field.name.upper), name) {
      return field.value
    }
    return nil
  }

  /// True until the connection is closed. A response to a closed one goes nowhere.
  package var isOpen: Bool { connection != nil }

  /// Lends the bytes of a slice; they must not escape from `body`.
  @inline(__always)
  package func withUnsafeBytes<R>(
    of slice: HTTPSlice, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    // Rebasing checks the slice against what is readable.
    try unsafe inbound.bytes.withUnsafeReadableBytes { bytes in
      try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[slice.range]))
    }
  }

  /// A copy of the slice as text; what isn't UTF-8 is replaced by U+FFFD.
  package func string(_ slice: HTTPSlice) -> String {
    unsafe withUnsafeBytes(of: slice) { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Appends one whole response (status line, headers, body) as raw bytes to the connection's outgoing
  /// buffer, finishes the request and goes on with the next pipelined one.
  ///
  /// What `write` finds in the buffer belongs to earlier responses and must be left as it is. The writer says
  /// `Connection: close` unless ``keepAlive``, and writes no body when ``method`` is `head`. Without effect,
  /// and without a call of `write`, when the client is gone. To be called once per request.
  @inline(__always)
  package func respond(_ write: (inout ByteBuffer) -> Void) {
    guard let connection else {
      attachment = nil
      return
    }
    guard connection.phase == .inFlight else {
      return assertionFailure("A request is responded to once.")
    }
    write(&connection.outbound)
    connection.finishResponse()
  }
}
