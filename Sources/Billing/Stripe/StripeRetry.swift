/// When a request to Stripe is sent again, as its official clients do.
/// Source: https://docs.stripe.com/error-low-level
package enum StripeRetry {
  /// Attempts in all.
  package static let attemptsMax = 3

  /// `reply` is nil where none came. `Stripe-Should-Retry` wins over everything.
  package static func isWorthwhile(_ reply: StripeReply?) -> Bool {
    guard let reply else { return true }
    return reply.shouldRetry ?? (reply.status == 409 || reply.status == 429 || reply.status >= 500)
  }

  /// Milliseconds before attempt `attempt` (2 or more): 0.5·2ⁿ⁻¹ s, at most 5 s, of which a random part
  /// between half and all is waited, so that many clients don't come back at once.
  package static func delayMilliseconds(attempt: Int, jitter: Double) -> Int64 {
    let exponent = max(0, min(attempt - 2, 8))
    let full = min(5000, 500 * (1 << exponent))
    return Int64(Double(full) * (0.5 + 0.5 * max(0, min(jitter, 1))))
  }
}
