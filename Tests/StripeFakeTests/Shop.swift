import StripeFake

/// An account with the prices of the tests, at a fixed time.
enum Shop {
  static let start = BillingCalendar.time(2026, 1, 31, hour: 10, minute: 30)
  static let day: Int64 = 86_400

  static func open(
    at time: Int64 = start, seed: UInt64 = 1, settings: StripeAccount.Settings = StripeAccount.Settings()
  ) -> StripeAccount {
    StripeAccount(
      prices: [
        .init("price_basic", amount: 1000, every: .month), .init("price_pro", amount: 2000, every: .month),
        .init("price_pro_year", amount: 20_000, every: .year, product: "prod_pro"),
        .init("price_free", amount: 0, every: .month), .init("price_seat", amount: 3000, every: .month),
        .init("price_pack", amount: 500),
      ], now: time, seed: seed, settings: settings)
  }
}

extension StripeAccount {
  /// The types of what has happened since it was last asked.
  mutating func takeTypes() -> [String] { takeEvents().map(\.type) }

  /// The invoices of a subscription, oldest first.
  func invoices(of subscription: String) -> [Invoice] {
    invoices.all.filter { $0.subscription == subscription }
  }

  func latestInvoice(of subscription: String) -> Invoice? {
    subscriptions[subscription]?.latestInvoice.flatMap { invoices[$0] }
  }
}
