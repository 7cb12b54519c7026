import Gate

/// Plans of the random world: between them every kind of period, limit, rollover, debt and draw.
enum WorldPlans {
  static let catalog = Catalog(
    defaultPlan: nil, defaultFeature: "chat",
    plans: [
      Plan(
        name: "day", rank: 0, features: ["chat"],
        budget: BudgetRule(tokens: 5000, period: .day, rolloverMax: 700, debt: .carry),
        limits: RateLimits(
          requests: WindowLimit(count: 7, windowSeconds: 60, burst: 9),
          tokens: WindowLimit(count: 20_000, windowSeconds: 60), concurrent: 3, hourlyTokens: 2500,
          dailyTokens: 4500)),
      Plan(
        name: "month", rank: 1, features: ["chat"],
        budget: BudgetRule(tokens: 40_000, period: .month, rolloverMax: 0, debt: .forgive, downgrade: .now),
        limits: RateLimits(requests: WindowLimit(count: 3, windowSeconds: 7)),
        featureLimits: [
          "deep": RateLimits(
            requests: WindowLimit(count: 2, windowSeconds: 30),
            tokens: WindowLimit(count: 900, windowSeconds: 60),
            concurrent: 2, hourlyTokens: 3000, dailyTokens: 5000)
        ]),
      Plan(
        name: "month2", rank: 2, features: ["chat"],
        budget: BudgetRule(tokens: 9000, period: .month, rolloverMax: 4000, debt: .carry)),
      Plan(name: "endless", rank: 2, features: ["chat"], budget: BudgetRule(tokens: nil, period: .month)),
      Plan(
        name: "none", rank: 3, features: ["chat"],
        budget: BudgetRule(tokens: 100_000, period: .none, debt: .carry),
        limits: RateLimits(
          requests: WindowLimit(count: 1, windowSeconds: 3),
          tokens: WindowLimit(count: 10, windowSeconds: 60),
          concurrent: 1, hourlyTokens: 10, dailyTokens: 10,
          shadow: ["requests", "tokens", "concurrent", "hourly_tokens", "daily_tokens"])),
      Plan(name: "zero", rank: 0, features: ["chat"], budget: BudgetRule(tokens: 0, period: .day)),
      Plan(
        name: "pro", rank: 4, features: ["chat"],
        budget: BudgetRule(tokens: 60_000, period: .subscription, rolloverMax: 5000),
        limits: RateLimits(tokens: WindowLimit(count: 1000, windowSeconds: 10, burst: 3000), concurrent: 5),
        featureLimits: [
          "chat": RateLimits(hourlyTokens: 9000),
          "deep": RateLimits(
            requests: WindowLimit(count: 1, windowSeconds: 20),
            tokens: WindowLimit(count: 50, windowSeconds: 60),
            concurrent: 1, hourlyTokens: 100, dailyTokens: 100,
            shadow: ["requests", "tokens", "concurrent", "hourly_tokens", "daily_tokens"]),
        ]),
      Plan(
        name: "max", rank: 5, features: ["chat"],
        budget: BudgetRule(tokens: 90_000, period: .subscription, debt: .carry),
        limits: RateLimits(concurrent: 256, dailyTokens: 30_000, shadow: ["tokens"]),
        pastDueGraceSeconds: 3600),
      Plan(
        name: "team", rank: 6, features: ["chat"],
        budget: BudgetRule(tokens: 20_000, period: .day, rolloverMax: 3000, perSeat: true, draw: .pool),
        limits: RateLimits(concurrent: 256, hourlyTokens: 15_000),
        featureLimits: ["chat": RateLimits(concurrent: 4)]),
      Plan(
        name: "both", rank: 7, features: ["chat"],
        budget: BudgetRule(
          tokens: 30_000, period: .subscription, rolloverMax: 100, debt: .carry, draw: .both),
        limits: RateLimits(requests: WindowLimit(count: 50, windowSeconds: 60))),
      Plan(
        name: "own", rank: 8, features: ["chat"],
        budget: BudgetRule(tokens: 30_000, period: .month, draw: .own)),
    ], features: [chat, deep, guess])

  static let chat = Feature(name: "chat", defaultTokens: 1)
  /// With limits of its own in some plans.
  static let deep = Feature(name: "deep", defaultTokens: 50)
  /// Costs what its user's requests lately did.
  static let guess = Feature(name: "guess", defaultTokens: 40, defaultIsP95: true)

  static let userPlans = ["day", "month", "month2", "endless", "none", "zero", "pro", "max"]
  static let tenantPlans = ["team", "both", "own", "both"]
  static let statuses = ["active", "active", "active", "trialing", "past_due", "canceled"]

  /// The UTC calendar around a moment.
  static func bounds(_ period: BudgetRule.Period, at now: Int64) -> ModelBounds {
    let day: Int64 = 86_400_000
    switch period {
    case .none: return ModelBounds(start: 0, stop: 0)
    case .day:
      let start = now - now % day
      return ModelBounds(start: start, stop: start + day)
    case .month, .subscription:
      let (year, month, _) = Instant.civil(fromDays: now / day)
      let next = month == 12 ? (year + 1, 1) : (year, month + 1)
      return ModelBounds(
        start: Instant.days(fromCivil: year, month, 1) * day,
        stop: Instant.days(fromCivil: next.0, next.1, 1) * day)
    }
  }
}
