/// An event as it is posted.
package struct RenderedEvent: Sendable, Equatable {
  /// `evt_…`.
  package var id: String
  /// `invoice.paid`.
  package var type: String
  /// Unix seconds.
  package var created: Int64
  /// The document, ready to be signed.
  package var body: [UInt8]
}

extension StripeAccount {
  /// An event as a document, in the shape of the API version that an endpoint is pinned to.
  package func json(_ event: StripeEventRecord, _ rendering: Rendering, pendingWebhooks: Int = 1) -> JSON {
    var object = event.object.json(rendering)
    if rendering.expandsEvents {
      for path in StripeAccount.expandable {
        // What an object doesn't have, or doesn't name, stays as it is.
        if let expanded = try? expand(object, [path], rendering, related: event.related) { object = expanded }
      }
    }
    var data: JSON = ["object": object]
    if let before = event.before,
      let previous = before.json(rendering).previousAttributes(after: event.object.json(rendering))
    {
      data["previous_attributes"] = previous
    }
    return [
      "id": .string(event.id), "object": "event", "api_version": .string(rendering.shape.apiVersion),
      "created": .int(event.created), "data": data, "livemode": false,
      "pending_webhooks": .int(Int64(pendingWebhooks)),
      "request": ["id": .text(event.requestID), "idempotency_key": .text(event.idempotencyKey)],
      "type": .string(event.type),
    ]
  }

  /// Events as bytes.
  package func render(_ events: [StripeEventRecord], _ rendering: Rendering = Rendering())
    -> [RenderedEvent]
  {
    events.map { event in
      RenderedEvent(
        id: event.id, type: event.type, created: event.created, body: json(event, rendering).bytes)
    }
  }

  private static let expandable = [
    "customer", "subscription", "latest_invoice", "charge", "payment_intent", "invoice", "latest_charge",
    "parent.subscription_details.subscription",
  ]
}
