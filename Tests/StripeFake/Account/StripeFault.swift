/// An error as Stripe's API answers it. Source: https://docs.stripe.com/api/errors
package struct StripeFault: Error, Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  /// `invalid_request_error`, `card_error`, `idempotency_error`, `api_error`.
  package var type: String
  package var code: String?
  /// The parameter that it is about.
  package var param: String?
  /// For people.
  package var message: String
  package var declineCode: String?

  init(
    _ message: String, status: Int = 400, type: String = "invalid_request_error", code: String? = nil,
    param: String? = nil, declineCode: String? = nil
  ) {
    self.status = status
    self.type = type
    self.code = code
    self.param = param
    self.message = message
    self.declineCode = declineCode
  }

  /// `param` is `id` where the object is the request's path.
  static func missing(_ kind: String, _ id: String, param: String = "id") -> StripeFault {
    StripeFault("No such \(kind): '\(id)'", status: 404, code: "resource_missing", param: param)
  }
  /// An object that a parameter names: 400 where the path's own would be 404.
  static func noSuch(_ kind: String, _ id: String, param: String) -> StripeFault {
    StripeFault("No such \(kind): '\(id)'", code: "resource_missing", param: param)
  }
  static func required(_ param: String) -> StripeFault {
    StripeFault("Missing required param: \(param).", code: "parameter_missing", param: param)
  }
  static func declined(_ code: String, message: String = "Your card was declined.") -> StripeFault {
    StripeFault(message, status: 402, type: "card_error", code: "card_declined", declineCode: code)
  }
}
