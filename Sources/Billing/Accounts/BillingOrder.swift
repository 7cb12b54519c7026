/// What a Checkout session is to sell.
package enum BillingOrder: Sendable, Equatable {
  /// A plan of the config file, by `month` or `year`, for so many seats (1 to 1,000,000).
  case plan(String, interval: String, seats: Int64)
  /// A price of a plan, for so many seats.
  case subscriptionPrice(String, seats: Int64)
  /// A price of a top-up pack.
  case topUpPrice(String)
}
