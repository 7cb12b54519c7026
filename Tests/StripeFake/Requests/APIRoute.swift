/// One call of the API: `POST /v1/customers/:id`.
struct APIRoute: Sendable {
  typealias Handler = @Sendable (inout StripeAccount, inout APICall) throws(StripeFault) -> JSON
  let method: String
  let segments: [Substring]
  let handler: Handler

  init(_ method: String, _ template: String, _ handler: @escaping Handler) {
    self.method = method
    segments = template.split(separator: "/")
    self.handler = handler
  }

  /// What stands for `:id`; nil when the path is another.
  func id(_ path: String) -> String? {
    let given = path.split(separator: "/", omittingEmptySubsequences: true)
    guard given.count == segments.count else { return nil }
    var id = ""
    for (wanted, part) in zip(segments, given) {
      if wanted == ":id" { id = Parameters.unescape(part) } else if wanted != part { return nil }
    }
    return id
  }

  /// Fixed paths stand before those with an id.
  static let all: [APIRoute] =
    customers + checkout + subscriptions + invoices + payments + catalog + events
}
