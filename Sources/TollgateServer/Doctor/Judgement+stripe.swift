package import Billing
package import Settings
internal import Signatures

extension Judgement {
  /// The key and the secrets, by presence and shape; neither is shown.
  package static func stripe(_ stripe: StripeSettings) -> [Finding] {
    [apiKey(stripe.apiKey?.revealed), webhookSecrets(stripe.webhookSecrets.map(\.revealed))]
  }

  /// What Stripe itself says to the key; `error` nil: it takes it.
  package static func stripeAnswer(_ error: StripeError?) -> Finding {
    let subject = "stripe.api"
    switch error {
    case nil: return .good(subject, "Stripe takes the key")
    case .refused(401, _, _):
      return .bad(
        subject, "Stripe doesn't know this key",
        "copy it anew from Stripe's dashboard, Developers → API keys: it was mistyped, rolled or deleted")
    case .refused(403, _, _):
      return .bad(
        subject, "this restricted key may not read subscriptions",
        "give it the permissions that docs/BILLING.md lists, in Stripe's dashboard, Developers → API keys")
    case .unreachable, .busy, .unreadable, .refused:
      return .warning(
        subject, error?.sentence ?? "",
        "let this machine reach api.stripe.com (or TOLLGATE_STRIPE_API_BASE) over https, and look at "
          + "status.stripe.com; checks go on without")
    }
  }

  private static func apiKey(_ key: String?) -> Finding {
    let subject = "stripe.api_key"
    guard let key else {
      return .warning(
        subject, "none: checkout, portal and invoices answer 503", "set TOLLGATE_STRIPE_API_KEY")
    }
    let remedy = "copy a secret or restricted key anew from Stripe's dashboard, Developers → API keys"
    guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      return .bad(subject, "it has spaces or line breaks in it", remedy)
    }
    if key.hasPrefix("pk_") { return .bad(subject, "this is a publishable key, not a secret one", remedy) }
    if key.hasPrefix("whsec_") { return .bad(subject, "this is a webhook secret, not an API key", remedy) }
    let kinds = [("sk_", "secret key"), ("rk_", "restricted key")]
    let modes = [("live_", "live mode"), ("test_", "test mode")]
    for (prefix, kind) in kinds {
      for (word, mode) in modes where key.hasPrefix(prefix + word) {
        guard key.utf8.count >= 20 else { return .bad(subject, "it is cut short", remedy) }
        return .good(subject, "\(kind), \(mode)")
      }
    }
    return .warning(subject, "it doesn't look like a key of Stripe's (sk_… or rk_…)", remedy)
  }

  private static func webhookSecrets(_ secrets: [String]) -> Finding {
    let subject = "stripe.webhook_secret"
    let remedy = "copy the signing secret from Stripe's dashboard, Developers → Webhooks"
    guard !secrets.isEmpty else {
      return .warning(
        subject, "none: every webhook is refused, and no payment resets a budget",
        "set TOLLGATE_STRIPE_WEBHOOK_SECRETS: \(remedy)")
    }
    do {
      _ = try WebhookSecrets(secrets)
    } catch {
      return .bad(subject, CommandEnd.words(error), remedy)
    }
    if let index = secrets.firstIndex(where: { !$0.hasPrefix("whsec_") }) {
      return .warning(subject, "secret \(index + 1) doesn't begin with whsec_", remedy)
    }
    return .good(subject, secrets.count == 1 ? "1 secret" : "\(secrets.count) secrets")
  }
}
