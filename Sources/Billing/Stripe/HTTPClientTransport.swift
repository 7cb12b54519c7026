package import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Stripe over async-http-client.
package struct HTTPClientTransport: StripeTransport {
  /// The largest answer that is read.
  static let replyBytesMax = 4 * 1_048_576

  let client: HTTPClient
  let base: String
  let timeoutMilliseconds: Int64

  /// `base`: `https://api.stripe.com`, or what `TOLLGATE_STRIPE_API_BASE` says; a slash at its end is
  /// dropped.
  package init(
    client: HTTPClient, base: String = "https://api.stripe.com", timeoutMilliseconds: Int64 = 20_000
  ) {
    self.client = client
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// Sends it; throws where no answer came in time, or one larger than is read.
  package func send(_ request: StripeRequest) async throws -> StripeReply {
    var message = HTTPClientRequest(url: base + request.path)
    message.method = request.method == "POST" ? .POST : .GET
    for header in request.headers { message.headers.add(name: header.name, value: header.value) }
    if let body = request.body { message.body = .bytes(ByteBuffer(string: body)) }
    let response = try await client.execute(message, timeout: .milliseconds(timeoutMilliseconds))
    let body = try await response.body.collect(upTo: Self.replyBytesMax)
    let word = response.headers.first(name: "stripe-should-retry")?.lowercased()
    return StripeReply(
      status: Int(response.status.code), shouldRetry: word.flatMap { ["true": true, "false": false][$0] },
      body: Array(body.readableBytesView))
  }
}
