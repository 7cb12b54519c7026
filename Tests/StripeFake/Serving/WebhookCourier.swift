internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import ServiceLifecycle

/// Posts what the queue says, one after the other, and tells it what came of it.
struct WebhookCourier: Service {
  let server: StripeFakeServer
  let client: HTTPClient
  static let timeoutSeconds: Int64 = 10
  static let paceMilliseconds: Int64 = 20

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        for delivery in server.takeDeliveries() where !Task.isCancelled { await post(delivery) }
        // Another event may come at any time, by the clock too.
        do { try await Task.sleep(for: .milliseconds(WebhookCourier.paceMilliseconds)) } catch { return }
      }
    }
  }

  private func post(_ delivery: SignedDelivery) async {
    var request = HTTPClientRequest(url: delivery.url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
    request.headers.add(name: "Stripe-Signature", value: delivery.signature)
    request.headers.add(name: "User-Agent", value: "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
    request.body = .bytes(ByteBuffer(bytes: delivery.body))
    var outcome = WebhookQueue.Attempt.Outcome.noAnswer
    do {
      let response = try await client.execute(request, timeout: .seconds(WebhookCourier.timeoutSeconds))
      _ = try? await response.body.collect(upTo: 65_536)
      outcome = .status(Int(response.status.code))
    } catch {
      outcome = .noAnswer
    }
    let final = outcome
    server.with { $0.webhooks.finish(delivery.number, final, now: $0.account.now) }
  }
}
