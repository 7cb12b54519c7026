/// What Stripe answered instead of a result.
package enum StripeError: Error, Sendable, Equatable {
  /// No answer came.
  case unreachable
  /// Too many requests of ours wait for their turn.
  case busy
  /// A 2xx that is not what was asked for.
  case unreadable
  /// The `code` (or else `type`) of the error and the parameter that it is about, empty where it doesn't say;
  /// its message may quote what was sent and isn't kept.
  case refused(status: Int, code: String, parameter: String)

  init(_ reply: StripeReply?) {
    guard let reply else {
      self = .unreachable
      return
    }
    let error = JSONValue(json: reply.body)?["error"] ?? .null
    self = .refused(
      status: reply.status, code: error["code"].string ?? error["type"].string ?? "",
      parameter: error["param"].string ?? "")
  }

  /// There is no such thing at Stripe.
  var isNotFound: Bool {
    if case .refused(let status, let code, _) = self {
      status == 404 || code == "resource_missing"
    } else {
      false
    }
  }

  /// The same call may succeed later.
  package var isTransient: Bool {
    switch self {
    case .unreachable, .busy: true
    case .unreadable: false
    case .refused(let status, _, _): status == 409 || status == 429 || status >= 500
    }
  }

  /// For people; tells nothing of what was sent.
  package var sentence: String {
    switch self {
    case .unreachable: "Stripe did not answer."
    case .busy: "Too many calls to Stripe are waiting."
    case .unreadable: "Stripe answered something unexpected."
    case .refused(401, _, _), .refused(403, _, _): "Stripe does not accept the configured API key for this."
    case .refused(429, _, _): "Stripe takes no more calls at the moment."
    case .refused(let status, _, _) where status >= 500: "Stripe could not do it at the moment."
    case .refused(_, let code, let parameter):
      "Stripe refused the call\(code.isEmpty ? "" : ": \(StripeError.word(code))")"
        + "\(parameter.isEmpty ? "" : " (\(StripeError.word(parameter)))")."
    }
  }

  /// Codes and parameters are Stripe's own words; anything else that stands in their place is not shown.
  private static func word(_ text: String) -> String {
    let isWord = text.utf8.count <= 100 && text.utf8.allSatisfy(StripeError.isWordByte)
    return isWord ? text : "?"
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
      UInt8(ascii: "["), UInt8(ascii: "]"):
      true
    default: false
    }
  }
}
