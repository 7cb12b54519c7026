import Gate

/// An event as Stripe posts it: envelope and object.
package struct StripeEvent: Sendable {
  /// `evt_…`.
  package var id: String
  /// Stripe's name of what happened: `invoice.paid`.
  package var type: String
  /// `event`, or `v2.core.event`, which is another kind of thing with the same signature.
  package var kind: String
  /// nil where the envelope doesn't say.
  package var isLive: Bool?
  /// `data.object`.
  package var object: JSONValue
  /// The version that the object is written in.
  var apiVersion: String?
  /// By Stripe's clock; nothing is ordered by it.
  var createdAt: Instant?

  /// nil for what is no event at all: no JSON, no id, no type, or no object where one must be.
  package init?(rawBody: [UInt8]) {
    guard let envelope = JSONValue(json: rawBody) else { return nil }
    self.init(envelope)
  }

  /// The same of an envelope that is read already.
  init?(_ envelope: JSONValue) {
    guard let id = envelope["id"].id, let type = envelope["type"].string, Identifier255.isValid(type) else {
      return nil
    }
    self.id = id
    self.type = type
    kind = envelope["object"].string ?? "event"
    isLive = envelope["livemode"].bool
    object = envelope["data"]["object"]
    apiVersion = envelope["api_version"].string
    createdAt = envelope["created"].time
    guard kind != "event" || object.isObject else { return nil }
  }

  /// What is stored of it, with the body that it came in.
  func receipt(payload: String, receivedAt: Instant) -> WebhookReceipt {
    var about = WebhookReceipt.About()
    about.object = object["id"].id
    about.customer = object["object"].string == "customer" ? about.object : object["customer"].id
    about.apiVersion = apiVersion
    about.isLive = isLive
    about.createdAt = createdAt
    return WebhookReceipt(id: id, type: type, payload: payload, receivedAt: receivedAt, about: about)
  }
}
