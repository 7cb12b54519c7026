internal import Billing
internal import Gate

/// `POST /webhooks/stripe`. The signature is over the bytes as they came, so nothing is parsed here.
enum StripeWebhookRoutes {
  /// 1 MiB: an invoice with many lines is large.
  static let bodyBytesMax = 1_048_576

  static let all = [Route("POST", "/webhooks/stripe", .open, bodyBytesMax: bodyBytesMax, handle: receive)]

  private static func receive(_ exchange: Exchange) async throws -> ControlResponse {
    guard let receive = exchange.control.hooks.stripeWebhook else {
      throw Problem(.stripeNotConfigured, "No Stripe webhook secret is configured.")
    }
    let signatures = exchange.request.values(of: "Stripe-Signature")
    guard signatures.count == 1, let signature = signatures.first else {
      throw Problem(.signatureInvalid, "Exactly one Stripe-Signature header is needed.")
    }
    switch await receive(exchange.request.body, signature) {
    case .received: return .json(["received": true])
    case .signatureInvalid:
      throw Problem(.signatureInvalid, "The signature does not fit the body and the configured secrets.")
    case .payloadInvalid: throw Problem(.payloadInvalid, "The body is not a Stripe event.")
    case .storeUnavailable:
      throw Problem(
        .storeUnavailable, "The event could not be stored or acted on; send it again.",
        headers: [Problem.retryAfter])
    }
  }
}
