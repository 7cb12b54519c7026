/// What a principal may do, worked out from what is stored and what the config file says. A pure function
/// of the two: made once per cached principal, never per check.
package struct Entitlement: Sendable, Equatable {
  /// Why a subscription no longer carries its plan. The words are stable.
  package enum LockoutReason: String, Sendable, CaseIterable {
    case noSubscription = "no_subscription"
    case pastDue = "past_due"
    case unpaid
    case canceled
    case incomplete
    case paused

    /// For people: what happened, and what mends it.
    package var sentence: String {
      switch self {
      case .noSubscription: "There is no subscription, and nothing is included without one."
      case .pastDue:
        "The last payment failed and the time to make it good is over: update the payment method."
      case .unpaid: "Several payments failed: pay the open invoice."
      case .canceled: "The subscription was canceled: start a new one."
      case .incomplete: "The first payment was never completed: finish it, or start a new subscription."
      case .paused: "The subscription is paused: resume it."
      }
    }
  }

  /// The plan that counts: the tenant's, else the user's, else the default; nil: none.
  package var plan: Plan?
  /// The subscription's own word, `active` without one, `inactive` without a plan.
  package var status: String
  package var lockoutReason: LockoutReason?
  /// From when on the answer is `subscription_inactive`; nil: never.
  package var lockoutAt: Instant?
  /// The plan's limits, and those of single features, with the user's own in their place; a feature without an
  /// entry has none.
  package var limits: RateLimits
  package var featureLimits: [String: RateLimits]
  /// When one of the user's own limits ends, and these rights with it; nil: never.
  package var limitsEndAt: Instant?
  /// The user's own budget; nil where the user draws on the pool alone.
  package var own: BudgetTerms?
  /// The tenant's pool; nil where there is none to draw on.
  package var pool: BudgetTerms?

  /// Works out the rights of `principal` under `catalog`. `now` decides which of the user's own limits still
  /// count.
  package init(of principal: Principal, catalog: Catalog, now: Instant = Instant(milliseconds: 0)) {
    let tenantPlan = principal.tenant == nil ? nil : principal.tenantPlan.flatMap { catalog.plans[$0] }
    let userPlan =
      (principal.userPlan ?? catalog.defaultPlan).flatMap { catalog.plans[$0] }
      ?? catalog.defaultPlan.flatMap { catalog.plans[$0] }
    let subscription = principal.subscription
    let plan = tenantPlan ?? userPlan
    self.plan = plan
    status = subscription?.status ?? (plan == nil ? "inactive" : "active")
    let live = subscription?.isLive ?? false
    let isTrial = subscription?.status == "trialing"
    if let tenantPlan {
      let rule = tenantPlan.budget
      pool =
        rule.draw == .own
        ? nil : BudgetTerms(rule, seats: principal.seats, subscribed: live, isTrial: isTrial)
      // Who draws on a budget of their own and has no plan for one has nothing, not everything.
      let ownRule = userPlan?.budget ?? BudgetRule(tokens: 0)
      own = rule.draw == .pool ? nil : BudgetTerms(ownRule, seats: 1, subscribed: false)
    } else {
      pool = nil
      own = plan.map { BudgetTerms($0.budget, seats: 1, subscribed: live, isTrial: isTrial) }
    }
    let overrides = principal.overrides
    limits = (plan?.limits ?? RateLimits()).overridden(by: overrides, feature: nil, at: now)
    featureLimits = plan?.featureLimits ?? [:]
    for feature in Set(overrides.compactMap(\.feature)) {
      featureLimits[feature] = (featureLimits[feature] ?? RateLimits()).overridden(
        by: overrides, feature: feature, at: now)
    }
    limitsEndAt = overrides.compactMap(\.expiresAt).filter { $0 > now }.min()
    if let plan {
      if subscription?.status == "past_due", let since = subscription?.pastDueSince {
        lockoutAt = since.advanced(seconds: plan.pastDueGraceSeconds)
        lockoutReason = .pastDue
      }
    } else {
      lockoutAt = Instant(milliseconds: 1)
      lockoutReason = Entitlement.reason(for: subscription?.status)
    }
  }

  private static func reason(for status: String?) -> LockoutReason {
    switch status {
    case "past_due": .pastDue
    case "unpaid": .unpaid
    case "canceled": .canceled
    case "incomplete", "incomplete_expired": .incomplete
    case "paused": .paused
    default: .noSubscription
    }
  }
}

/// One budget, as the scripts have to know it.
package struct BudgetTerms: Sendable, Equatable {
  package enum Source: Int, Sendable {
    /// The check itself makes the period's grant when a calendar period begins.
    case calendar = 1
    /// Grants come from invoices alone.
    case given = 2
  }
  package var source: Source
  package var rule: BudgetRule
  /// Tokens of a calendar period, seats counted in; 10¹⁵−1 where the plan sets no limit.
  package var tokens: Int64

  /// What `rule` comes to for so many seats. In a trial it is the trial's tokens that count, where there are any.
  package init(_ rule: BudgetRule, seats: Int64, subscribed: Bool, isTrial: Bool = false) {
    self.rule = rule
    source = rule.period == .subscription && subscribed ? .given : .calendar
    let amount = isTrial ? rule.trialTokens ?? rule.tokens : rule.tokens
    let (product, overflow) = (amount ?? Limits.tokensMax)
      .multipliedReportingOverflow(by: rule.perSeat && amount != nil ? max(seats, 1) : 1)
    tokens = overflow ? Limits.tokensMax : min(product, Limits.tokensMax)
  }

  /// The calendar period that this budget follows; a subscription's budget without a live subscription
  /// follows the month.
  package var calendarPeriod: BudgetRule.Period {
    rule.period == .subscription ? .month : rule.period
  }
}
