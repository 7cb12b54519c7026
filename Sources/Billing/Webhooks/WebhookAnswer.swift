/// What Stripe is answered. Only a 2xx keeps it from sending the event again.
package enum WebhookAnswer: Sendable, Equatable {
  /// 200 `{"received":true}`: it is stored and done, now or before.
  case received
  /// 400 `signature_invalid`.
  case signatureInvalid
  /// 400 `payload_invalid`: signed, and yet no event.
  case payloadInvalid
  /// 503 `store_unavailable`: it could not be stored, processed or passed on; to be sent again.
  case storeUnavailable
}
