package import NIOCore

/// For handlers of the control plane, which leave the loop: they get a copy and give back a value.
extension HTTPExchange {
  /// A copy of the request that may leave the loop.
  package func copyRequest() -> HTTPRequest {
    let head = inbound.parser.head
    return HTTPRequest(
      method: string(head.methodText), path: string(head.path), query: head.query.map(string),
      headers: head.fields.map { (name: string($0.name).lowercased(), value: string($0.value)) },
      // Copied, not sliced: a slice would share the connection's buffer and have it copied later.
      body: unsafe withUnsafeBytes(of: body) { unsafe ByteBuffer(bytes: $0) },
      remoteAddress: connection?.context?.remoteAddress?.ipAddress)
  }

  /// Responds with a value: see ``HTTPResponse/write(into:for:)``.
  package func respond(with response: HTTPResponse) {
    respond { response.write(into: &$0, for: self) }
  }

  /// Responds with what `operation` makes of a copy of the request, in a task that a graceful shutdown waits
  /// for and cancels at its deadline. The task runs on even when the client goes away.
  package func respond(asynchronously operation: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) {
    let request = copyRequest()
    loop.run({ await operation(request) }, completion: { self.respond(with: $0) })
  }
}

extension HTTPExchange {
  /// Lends the bytes of a slice as a span, for readers that stay clear of unsafe memory.
  @inline(__always)
  package func withSpan<R, Failure: Error>(
    of slice: HTTPSlice, _ body: (Span<UInt8>) throws(Failure) -> R
  ) throws(Failure) -> R {
    let buffer = inbound.bytes
    return try body(buffer.readableBytesUInt8Span.extracting(slice.range))
  }

  /// Appends the bytes of a slice to a response.
  package func write(_ slice: HTTPSlice, into out: inout ByteBuffer) {
    unsafe withUnsafeBytes(of: slice) { bytes in _ = unsafe out.writeBytes(bytes) }
  }
}

extension HTTPExchange {
  /// Runs `operation` off the loop, in a task that draining waits for, and `completion` on the loop. The
  /// exchange may have been answered, closed or reused by then: that is the handler's to know.
  package func perform<Result: Sendable>(
    _ operation: @escaping @Sendable () async -> Result, completion: @escaping (Result) -> Void
  ) {
    loop.run(operation, completion: completion)
  }
}
