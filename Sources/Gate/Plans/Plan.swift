/// A named set of features, a budget and rate limits, with a rank. Plans come from the config file;
/// accounts name them.
package struct Plan: Sendable, Hashable {
  package var name: String
  /// Higher is better; of two live subscriptions the higher rank counts.
  package var rank: Int
  package var features: [String]
  /// Stripe prices that map to this plan; they seed `plan_price_map`.
  package var prices: [String]
  package var budget: BudgetRule
  package var limits: RateLimits
  /// Limits of single features, checked beside the plan's own.
  package var featureLimits: [String: RateLimits]
  /// Seconds that a `past_due` subscription keeps its plan.
  package var pastDueGraceSeconds: Int64

  package init(
    name: String, rank: Int, features: [String], prices: [String] = [], budget: BudgetRule = BudgetRule(),
    limits: RateLimits = RateLimits(), featureLimits: [String: RateLimits] = [:],
    pastDueGraceSeconds: Int64 = 259_200
  ) {
    self.name = name
    self.rank = rank
    self.features = features
    self.prices = prices
    self.budget = budget
    self.limits = limits
    self.featureLimits = featureLimits
    self.pastDueGraceSeconds = pastDueGraceSeconds
  }
}

/// How much a plan allows per period, and what happens at its edges.
package struct BudgetRule: Sendable, Hashable {
  package enum Period: String, Sendable, Hashable, CaseIterable {
    /// Calendar month in ``BudgetRule/timeZone``.
    case month
    /// Calendar day in ``BudgetRule/timeZone``.
    case day
    /// The Stripe subscription's own period; calendar month for an account without a live subscription.
    case subscription
    /// One grant that never resets.
    case none
  }
  package enum DebtRule: String, Sendable, Hashable, CaseIterable { case forgive, carry }
  /// What the users of a tenant with this plan draw on.
  package enum Draw: String, Sendable, Hashable, CaseIterable { case pool, own, both }
  package enum Downgrade: String, Sendable, Hashable, CaseIterable {
    case atPeriodEnd = "period_end"
    case now
  }

  /// Tokens per period, 0 to 10¹⁵−1; nil: no limit (use is still counted and booked).
  package var tokens: Int64?
  package var period: Period
  /// An IANA name, such as `Europe/Berlin`.
  package var timeZone: String
  /// Tokens of a trial; nil: the same as ``tokens``.
  package var trialTokens: Int64?
  /// At most so many unspent tokens go over to the next period.
  package var rolloverMax: Int64
  package var debt: DebtRule
  /// A tenant's pool is ``tokens`` × seats.
  package var perSeat: Bool
  package var draw: Draw
  package var downgrade: Downgrade
  /// Seconds that a subscription's budget outlives its period: Stripe charges about an hour after.
  package var graceSeconds: Int64

  package init(
    tokens: Int64? = nil, period: Period = .month, timeZone: String = "UTC", trialTokens: Int64? = nil,
    rolloverMax: Int64 = 0, debt: DebtRule = .forgive, perSeat: Bool = false, draw: Draw = .pool,
    downgrade: Downgrade = .atPeriodEnd, graceSeconds: Int64 = 172_800
  ) {
    self.tokens = tokens
    self.period = period
    self.timeZone = timeZone
    self.trialTokens = trialTokens
    self.rolloverMax = rolloverMax
    self.debt = debt
    self.perSeat = perSeat
    self.draw = draw
    self.downgrade = downgrade
    self.graceSeconds = graceSeconds
  }
}

/// A count per window, enforced as GCRA: `count` per `windowSeconds` with bursts of `burst`.
package struct WindowLimit: Sendable, Hashable {
  /// 1 to 10¹².
  package var count: Int64
  /// 1 to 86,400.
  package var windowSeconds: Int64
  /// 1 to 10¹²; what may come at once.
  package var burst: Int64

  package init(count: Int64, windowSeconds: Int64, burst: Int64? = nil) {
    self.count = count
    self.windowSeconds = windowSeconds
    self.burst = burst ?? count
  }
}

/// The limits beside the period budget; each may be left out.
package struct RateLimits: Sendable, Hashable {
  package var requests: WindowLimit?
  package var tokens: WindowLimit?
  /// Holds open at once.
  package var concurrent: Int64?
  /// Tokens per calendar hour and day, in the budget's time zone.
  package var hourlyTokens: Int64?
  package var dailyTokens: Int64?
  /// Names of the limits that only record what they would have refused: `requests`, `tokens`,
  /// `concurrent`, `hourly_tokens`, `daily_tokens`.
  package var shadow: Set<String>

  package init(
    requests: WindowLimit? = nil, tokens: WindowLimit? = nil, concurrent: Int64? = nil,
    hourlyTokens: Int64? = nil, dailyTokens: Int64? = nil, shadow: Set<String> = []
  ) {
    self.requests = requests
    self.tokens = tokens
    self.concurrent = concurrent
    self.hourlyTokens = hourlyTokens
    self.dailyTokens = dailyTokens
    self.shadow = shadow
  }
}
