package import NIOCore

/// What answers requests: one per event loop, and everything happens on that loop.
package protocol HTTPHandler: AnyObject {
  /// Largest body that this request may have, in decoded bytes, 0 to 2³⁰; past it the request is refused
  /// with ``HTTPRejection/bodyTooLarge``. Called once per request, between its head and its body.
  func bodyBytesMax(for exchange: HTTPExchange) -> Int

  /// A complete request is in `exchange`. Must lead to exactly one `respond`, now or later on the same loop.
  func handle(_ exchange: HTTPExchange)

  /// The bytes are no acceptable request (or it timed out): write the whole error response for it, with
  /// `Connection: close`, which is what happens after it. Of the request only what was parsed before the
  /// fault is in `exchange`; for ``HTTPRejection/overloaded`` that is nothing.
  func reject(_ error: HTTPRejection, _ exchange: HTTPExchange, into out: inout ByteBuffer)
}
