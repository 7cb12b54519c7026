package import Gate
internal import Signatures

/// An event as a target gets it, by the Standard Webhooks.
/// Source: https://www.standardwebhooks.com
package enum EventMessage {
  /// The request of one attempt, stamped and signed for `now`; its `webhook-id` is the same in every attempt.
  /// `data` is a JSON object.
  package static func request(
    id: String, type: String, occurredAt: Instant, data: String, to target: DeliveryTarget, now: Instant
  ) -> WebhookRequest {
    // A type is lower-case words and full stops: it needs no escapes.
    let body = Array(#"{"type":"\#(type)","timestamp":"\#(occurredAt.rfc3339)","data":\#(data)}"#.utf8)
    let signature = StandardWebhookSignature.sign(
      id: id, timestamp: now.seconds, body: body, secrets: target.secrets)
    return WebhookRequest(
      url: target.url,
      headers: [
        ("content-type", "application/json"), ("user-agent", "Tollgate"), ("webhook-id", id),
        ("webhook-timestamp", String(now.seconds)), ("webhook-signature", signature),
      ], body: body, timeoutMilliseconds: target.timeoutMilliseconds)
  }
}
