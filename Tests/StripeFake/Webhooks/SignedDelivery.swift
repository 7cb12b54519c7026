internal import Signatures

/// A post that is ready to be sent.
package struct SignedDelivery: Sendable, Equatable {
  /// The delivery's number.
  package var number: Int
  package var url: String
  /// `Stripe-Signature`.
  package var signature: String
  package var body: [UInt8]
}

extension StripeSandbox {
  /// Takes new events into the queue, and what is due out of it, signed at `realNow` (Unix seconds): each
  /// attempt has a fresh `t`, whatever the account's own clock says.
  package mutating func takeDeliveries(realNow: Int64) -> [SignedDelivery] {
    webhooks.collect(from: &account)
    return webhooks.takeDue(now: account.now).compactMap { delivery in
      guard let endpoint = webhooks.endpoints.first(where: { $0.id == delivery.endpoint }),
        let event = account.events[delivery.event], let secrets = try? WebhookSecrets(endpoint.secrets)
      else {
        webhooks.finish(delivery.number, .noAnswer, now: account.now)
        return nil
      }
      var rendering = rendering
      rendering.shape = endpoint.shape
      rendering.expandsEvents = endpoint.expandsEvents
      let body = account.json(event, rendering).bytes
      let signature = StripeSignature.sign(rawBody: body, secrets: secrets, timestamp: realNow)
      return SignedDelivery(
        number: delivery.number, url: endpoint.url, signature: signature, body: body)
    }
  }
}
