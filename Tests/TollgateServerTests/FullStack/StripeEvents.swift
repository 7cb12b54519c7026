import Foundation
import Signatures

/// Events as Stripe posts them (2025-03-31.basil), of one user's subscription.
struct StripeEvents {
  var user: String
  var subscription: String
  var price = "price_pro"

  init(user: String) {
    self.user = user
    subscription = "sub_\(user)"
  }

  func subscription(_ id: String, status: String = "active", from start: Int64, to end: Int64) -> String {
    let item: [String: Any] = [
      "id": "si_1", "quantity": 1, "price": ["id": price], "current_period_start": start,
      "current_period_end": end,
    ]
    return event(
      id, "customer.subscription.updated",
      [
        "id": subscription, "object": "subscription", "customer": "cus_\(user)", "status": status,
        "cancel_at_period_end": false, "cancel_at": NSNull(), "metadata": ["user_id": user],
        "items": ["object": "list", "has_more": false, "data": [item]] as [String: Any],
      ])
  }

  /// `type` is `invoice.paid` or its twin, `invoice.payment_succeeded`.
  func invoice(_ id: String, _ type: String, invoice: String, from start: Int64, to end: Int64) -> String {
    let line: [String: Any] = [
      "id": "il_1", "object": "line_item", "amount": 2000, "quantity": 1,
      "period": ["start": start, "end": end],
      "pricing": ["type": "price_details", "price_details": ["price": price]] as [String: Any],
      "parent": [
        "type": "subscription_item_details",
        "subscription_item_details": ["proration": false, "subscription": subscription] as [String: Any],
      ] as [String: Any],
    ]
    return event(
      id, type,
      [
        "id": invoice, "object": "invoice", "customer": "cus_\(user)", "status": "paid",
        "billing_reason": "subscription_cycle",
        "lines": ["object": "list", "has_more": false, "data": [line]] as [String: Any],
        "parent": [
          "type": "subscription_details",
          "subscription_details": ["subscription": subscription, "metadata": ["user_id": user]]
            as [String: Any],
        ] as [String: Any],
      ])
  }

  func event(_ id: String, _ type: String, _ object: [String: Any]) -> String {
    let event: [String: Any] = [
      "id": id, "object": "event", "type": type, "created": StripeEvents.now, "livemode": false,
      "api_version": "2025-03-31.basil", "data": ["object": object], "request": NSNull(),
    ]
    let data = try? JSONSerialization.data(withJSONObject: event, options: [.sortedKeys])
    return String(decoding: data ?? Data(), as: UTF8.self)
  }

  static var now: Int64 { Int64(Date.now.timeIntervalSince1970) }
}

extension Stack {
  /// Posts an event with the signature that Stripe would send, made `age` seconds ago.
  func webhook(_ body: String, age: Int64 = 0, secret: String = Stack.webhookSecret) async throws -> Answer {
    let signature = StripeSignature.sign(
      rawBody: Array(body.utf8), secrets: try WebhookSecrets([secret]), timestamp: StripeEvents.now - age)
    return try await call("POST", "/webhooks/stripe", [("Stripe-Signature", signature)], body)
  }
}
