/// What was answered to requests with an idempotency key, for 24 hours.
/// Source: https://docs.stripe.com/api/idempotent_requests
struct IdempotencyKeys: Sendable {
  private struct Entry: Sendable {
    var request: String
    /// nil while it is being worked on.
    var response: APIResponse?
    var expires: Int64
  }

  enum Answer {
    /// It is new: go on.
    case unknown
    case replay(APIResponse)
    case refused(StripeFault)
  }

  private var entries: [String: Entry] = [:]

  private static func fingerprint(_ request: APIRequest) -> String {
    "\(request.method) \(request.path)\n\(request.query)\n\(request.body)"
  }

  /// Takes the key for this request, if it is new.
  mutating func begin(_ key: String, _ request: APIRequest, now: Int64) -> Answer {
    entries = entries.filter { $0.value.expires > now }
    guard let entry = entries[key] else {
      entries[key] = Entry(
        request: IdempotencyKeys.fingerprint(request), response: nil, expires: now + BillingCalendar.day)
      return .unknown
    }
    guard entry.request == IdempotencyKeys.fingerprint(request) else {
      return .refused(
        StripeFault(
          "Keys for idempotent requests can only be used with the same parameters they were first used "
            + "with. Try using a key other than '\(key)' if you meant to execute a different request.",
          type: "idempotency_error"))
    }
    guard let response = entry.response else {
      return .refused(
        StripeFault(
          "There is currently another in-progress request using this Idempotent Key (that probably means "
            + "you submitted twice, and the other request is still going through): \(key). Please try again "
            + "later.", status: 409, type: "idempotency_error", code: "idempotency_key_in_use"))
    }
    return .replay(response)
  }

  /// Keeps an answer; nil, for what never began, frees the key.
  mutating func end(_ key: String, _ response: APIResponse?) {
    if let response { entries[key]?.response = response } else { entries[key] = nil }
  }
}
