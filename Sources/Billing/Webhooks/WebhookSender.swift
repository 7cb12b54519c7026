package import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import Signatures

/// `tollgate webhook send`: posts a fixture as Stripe would, for trying things out.
package enum WebhookSender {
  /// Signs `body` for `timestamp` (Unix seconds) and posts it; the status and body of the answer (at most
  /// 64 KiB of it).
  package static func send(
    body: [UInt8], to url: String, secrets: WebhookSecrets, timestamp: Int64, client: HTTPClient
  ) async throws -> (status: Int, body: [UInt8]) {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
    let signature = StripeSignature.sign(rawBody: body, secrets: secrets, timestamp: timestamp)
    request.headers.add(name: "Stripe-Signature", value: signature)
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await client.execute(request, timeout: .seconds(30))
    let answer = try await response.body.collect(upTo: 65_536)
    return (Int(response.status.code), Array(answer.readableBytesView))
  }
}
