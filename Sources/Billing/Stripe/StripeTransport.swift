/// One request to Stripe's API, ready to be sent.
package struct StripeRequest: Sendable, Equatable {
  /// `GET` or `POST`.
  package var method: String
  /// With its query: `/v1/invoices?customer=cus_1`.
  package var path: String
  /// Names and values, in the order they are sent.
  package var headers: [(name: String, value: String)]
  /// Form-encoded; nil for GET.
  package var body: String?

  /// Equal in everything that is sent.
  package static func == (left: StripeRequest, right: StripeRequest) -> Bool {
    left.method == right.method && left.path == right.path && left.body == right.body
      && left.headers.elementsEqual(right.headers) { $0 == $1 }
  }
}

/// What came back.
package struct StripeReply: Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  /// `Stripe-Should-Retry`; nil where it doesn't say.
  package var shouldRetry: Bool?
  /// As it came.
  package var body: [UInt8]

  /// Makes a reply.
  package init(status: Int, shouldRetry: Bool? = nil, body: [UInt8]) {
    self.status = status
    self.shouldRetry = shouldRetry
    self.body = body
  }
}

/// Carries requests to Stripe. Throws where no answer came: nothing is known of the outcome then.
package protocol StripeTransport: Sendable {
  func send(_ request: StripeRequest) async throws -> StripeReply
}
