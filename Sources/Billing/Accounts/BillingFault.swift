package import Gate

/// Why billing could not answer.
package enum BillingFault: Error, Sendable, Equatable {
  /// No Stripe key: 503 `stripe_not_configured`.
  case notConfigured
  /// The account's state doesn't allow it (no customer, nothing to reactivate); the text is for people.
  case refused(String)
  /// A value that only billing can judge, such as a plan without a price; the text is for people.
  case invalid(field: String, message: String)
  /// Stripe answered an error, or not at all: 502 `stripe_error`.
  case stripe(StripeError)
  case store(StoreError)
}
