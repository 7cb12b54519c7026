package import Gate
package import Logging
package import Signatures

/// Takes Stripe's deliveries: verify on the raw bytes → process the event → answer. What is not 2xx Stripe sends
/// again.
package struct WebhookProcessor: Sendable {
  /// What acts on the events, once they are verified.
  package let events: EventProcessor
  let secrets: WebhookSecrets
  let toleranceSeconds: Int64
  let admission: WebhookAdmission
  let logger: Logger

  /// `admission` bounds what is worked on at once.
  package init(
    events: EventProcessor, secrets: WebhookSecrets,
    toleranceSeconds: Int64 = StripeSignature.toleranceSecondsDefault,
    admission: WebhookAdmission = WebhookAdmission(runningMax: 16), logger: Logger
  ) {
    self.events = events
    self.secrets = secrets
    self.toleranceSeconds = toleranceSeconds
    self.admission = admission
    self.logger = logger
  }

  /// Answers one delivery. The body is what came over the wire, at most 1 MiB (the listener's limit).
  package func receive(rawBody: [UInt8], signatureHeader: String?, now: Instant) async -> WebhookAnswer {
    do {
      try StripeSignature.verify(
        header: signatureHeader ?? "", rawBody: rawBody, secrets: secrets, now: now.seconds,
        toleranceSeconds: toleranceSeconds)
    } catch {
      logger.notice("webhook refused", metadata: ["webhook.refusal": "\(error.rawValue)"])
      return .signatureInvalid
    }
    guard let event = StripeEvent(rawBody: rawBody), let payload = String(validating: rawBody, as: UTF8.self)
    else {
      logger.warning("webhook payload is no event", metadata: ["http.body_bytes": "\(rawBody.count)"])
      return .payloadInvalid
    }
    return await take(event, payload: payload, now: now)
  }

  /// The rest, for a delivery that is verified and read: `payload` is its body.
  package func take(_ event: StripeEvent, payload: String, now: Instant) async -> WebhookAnswer {
    guard await admission.enter() else {
      events.tally.countTurnedAway()
      return .storeUnavailable
    }
    defer { admission.leave() }
    do {
      let receipt = event.receipt(payload: payload, receivedAt: now)
      let run = try await events.process(event, receipt: receipt, now: now)
      if !run.makesKnown.isEmpty { await events.replayUnmatched(waitingFor: run.makesKnown, now: now) }
      return .received
    } catch {
      logger.error(
        "webhook not processed",
        metadata: ["stripe.event": "\(event.id)", "stripe.type": "\(event.type)", "error": "\(error)"])
      return .storeUnavailable
    }
  }
}
