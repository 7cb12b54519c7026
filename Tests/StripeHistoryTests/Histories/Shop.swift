import Gate
import StripeFake

/// What the histories buy: plans of every kind that billing treats in a way of its own.
enum Shop {
  static let start = BillingCalendar.time(2026, 1, 31, hour: 9, minute: 30)
  static let day: Int64 = 86_400
  static let packTokens: Int64 = 70_000

  /// An account at Stripe that sells them.
  static func open(seed: UInt64, settings: StripeAccount.Settings) -> StripeAccount {
    StripeAccount(
      prices: [
        .init("price_starter", amount: 0, every: .month),
        .init("price_basic", amount: 1000, every: .month),
        .init("price_basic_year", amount: 10_000, every: .year, product: "prod_basic"),
        .init("price_calendar", amount: 1200, every: .month),
        .init("price_flex", amount: 1500, every: .month),
        .init("price_pro", amount: 2000, every: .month),
        .init("price_pro_year", amount: 20_000, every: .year, product: "prod_pro"),
        .init("price_team", amount: 3000, every: .month),
        .init("price_team_year", amount: 30_000, every: .year, product: "prod_team"),
        .init("price_pack", amount: 500),
      ], now: start, seed: seed, settings: settings)
  }

  static let catalog = Catalog(
    defaultPlan: "free", defaultFeature: "chat",
    plans: [
      Plan(name: "free", rank: 0, features: ["chat"]),
      plan("starter", rank: 1, tokens: 10_000, prices: ["price_starter"]),
      Plan(
        name: "calendar", rank: 2, features: ["chat"], prices: ["price_calendar"],
        budget: BudgetRule(tokens: 300_000, period: .month)),
      plan("basic", rank: 3, tokens: 500_000, prices: ["price_basic", "price_basic_year"]),
      plan("flex", rank: 4, tokens: 700_000, prices: ["price_flex"], downgrade: .now),
      plan("pro", rank: 5, tokens: 1_000_000, prices: ["price_pro", "price_pro_year"]),
      plan("team", rank: 6, tokens: 1_200_000, prices: ["price_team", "price_team_year"], perSeat: true),
    ],
    features: [Feature(name: "chat", defaultTokens: 1000)],
    topups: ["price_pack": TopUp(tokens: packTokens, expiresAfterDays: 3650)])

  /// `plan_price_map`.
  static let plansByPrice: [String: String] = {
    var plans: [String: String] = [:]
    for plan in catalog.plans.values { for price in plan.prices { plans[price] = plan.name } }
    return plans
  }()

  /// Prices of subscriptions, the lowest plan first.
  static let recurring = [
    "price_starter", "price_calendar", "price_basic", "price_basic_year", "price_flex", "price_pro",
    "price_pro_year", "price_team", "price_team_year",
  ]

  static func plan(of price: StripeAccount.Price) -> Plan? {
    plansByPrice[price.id].flatMap { catalog.plans[$0] }
  }

  private static func plan(
    _ name: String, rank: Int, tokens: Int64, prices: [String], perSeat: Bool = false,
    downgrade: BudgetRule.Downgrade = .atPeriodEnd
  ) -> Plan {
    Plan(
      name: name, rank: rank, features: ["chat"], prices: prices,
      budget: BudgetRule(
        tokens: tokens, period: .subscription, trialTokens: tokens / 10, perSeat: perSeat,
        downgrade: downgrade))
  }
}
