internal import AsyncHTTPClient
internal import Billing
internal import Settings
internal import Signatures

extension Backend {
  /// Stripe's API; nil without a key.
  var stripe: StripeClient? {
    let stripe = settings.server.stripe
    guard let key = stripe.apiKey else { return nil }
    let transport = HTTPClientTransport(
      client: HTTPClient.shared, base: stripe.apiBase,
      timeoutSeconds: max(1, stripe.timeoutMilliseconds / 1000))
    return StripeClient(key: key.revealed, transport: transport, logger: logger)
  }

  /// What processes Stripe's events, for the server and for a replay by hand. nil without a webhook secret:
  /// then nobody can prove to be Stripe.
  func webhookProcessor() throws(WebhookSecrets.Refusal) -> WebhookProcessor? {
    let section = settings.server.stripe
    guard !section.webhookSecrets.isEmpty else { return nil }
    let stripe = stripe
    return WebhookProcessor(
      store: billing, outbox: publisher,
      secrets: try WebhookSecrets(section.webhookSecrets.map(\.revealed)), catalog: settings.catalog,
      isLive: stripe?.isLive, stripe: stripe, toleranceSeconds: section.toleranceSeconds, logger: logger)
  }
}
