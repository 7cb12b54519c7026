/// The stable error codes of the API (RFC 9457's `type`, and our `code`), each with its one HTTP status.
/// Both planes answer from this table; docs/problems.md has a section per code. The message for people
/// (`detail`) and the cause for logs belong to whoever answers.
package enum ProblemCode: String, Sendable, CaseIterable {
  // Who is calling.
  case tokenMissing = "token_missing"
  case tokenInvalid = "token_invalid"
  case forbidden

  // What the plan or the budget does not allow.
  case planRequired = "plan_required"
  case subscriptionInactive = "subscription_inactive"
  case rateLimited = "rate_limited"
  case concurrencyLimited = "concurrency_limited"
  case budgetExhausted = "budget_exhausted"

  // What is wrong with the request.
  case invalidRequest = "invalid_request"
  case signatureInvalid = "signature_invalid"
  case payloadInvalid = "payload_invalid"
  case notFound = "not_found"
  case reservationUnknown = "reservation_unknown"
  case methodNotAllowed = "method_not_allowed"
  case requestTimeout = "request_timeout"
  case conflict
  case idempotencyConflict = "idempotency_conflict"
  case reservationFinalized = "reservation_finalized"
  case bodyTooLarge = "body_too_large"
  case unsupportedMediaType = "unsupported_media_type"
  case headersTooLarge = "headers_too_large"

  // What is wrong here.
  case internalError = "internal_error"
  case stripeError = "stripe_error"
  case storeUnavailable = "store_unavailable"
  case stripeNotConfigured = "stripe_not_configured"
  case overloaded

  /// The one HTTP status of the code.
  package var status: Int {
    switch self {
    case .invalidRequest, .signatureInvalid, .payloadInvalid: 400
    case .tokenMissing, .tokenInvalid: 401
    case .planRequired, .subscriptionInactive: 402
    case .forbidden: 403
    case .notFound, .reservationUnknown: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .conflict, .idempotencyConflict, .reservationFinalized: 409
    case .bodyTooLarge: 413
    case .unsupportedMediaType: 415
    case .rateLimited, .concurrencyLimited, .budgetExhausted: 429
    case .headersTooLarge: 431
    case .internalError: 500
    case .stripeError: 502
    case .storeUnavailable, .stripeNotConfigured, .overloaded: 503
    }
  }

  /// A short summary that is the same for every occurrence, as RFC 9457 asks.
  package var title: String {
    switch self {
    case .tokenMissing: "Credential missing"
    case .tokenInvalid: "Credential not valid"
    case .forbidden: "Not allowed with this credential"
    case .planRequired: "The plan does not include this"
    case .subscriptionInactive: "The subscription is not active"
    case .rateLimited: "Too many requests"
    case .concurrencyLimited: "Too many requests at once"
    case .budgetExhausted: "The budget is used up"
    case .invalidRequest: "The request is not valid"
    case .signatureInvalid: "The signature is not valid"
    case .payloadInvalid: "The payload is not valid"
    case .notFound: "Not found"
    case .reservationUnknown: "No such reservation"
    case .methodNotAllowed: "Method not allowed"
    case .requestTimeout: "The request took too long to arrive"
    case .conflict: "In conflict with what is stored"
    case .idempotencyConflict: "The idempotency key was used for another request"
    case .reservationFinalized: "The reservation is already final"
    case .bodyTooLarge: "The body is too large"
    case .unsupportedMediaType: "The content type is not supported"
    case .headersTooLarge: "The headers are too large"
    case .internalError: "Something went wrong here"
    case .stripeError: "Stripe did not do it"
    case .storeUnavailable: "A store is out of reach"
    case .stripeNotConfigured: "Stripe is not configured"
    case .overloaded: "Too busy to take this request"
    }
  }

  /// Where `type` points to unless the operator says otherwise: the folder that holds problems.md.
  package static let docsBaseDefault = "https://github.com/tollgate-dev/tollgate/blob/main/docs"

  /// The `type` URI: a page that says what the code means and what to do.
  package func type(docsBase: String = ProblemCode.docsBaseDefault) -> String {
    "\(docsBase)/problems.md#\(rawValue)"
  }
}
