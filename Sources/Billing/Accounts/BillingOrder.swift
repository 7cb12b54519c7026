/// What a Checkout session is to sell.
package enum BillingOrder: Sendable, Equatable {
  /// How often a plan is paid.
  package enum Interval: String, Sendable, CaseIterable { case month, year }

  /// A plan of the config file, for so many seats (1 to 1,000,000).
  case plan(String, interval: Interval, seats: Int64)
  /// A price of a plan, for so many seats.
  case subscriptionPrice(String, seats: Int64)
  /// A price of a top-up pack, so many times.
  case topUpPrice(String, quantity: Int64)
}
