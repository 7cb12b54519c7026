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

  /// nil for what is no event at all: no JSON, no id, no type, or no object where one must be.
  package init?(rawBody: [UInt8]) {
    guard let envelope = JSONValue(json: rawBody), let id = envelope["id"].id,
      let type = envelope["type"].string, Identifier255.isValid(type)
    else { return nil }
    self.id = id
    self.type = type
    kind = envelope["object"].string ?? "event"
    isLive = envelope["livemode"].bool
    object = envelope["data"]["object"]
    guard kind != "event" || object.isObject else { return nil }
  }
}
