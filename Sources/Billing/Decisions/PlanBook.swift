import Gate

/// Plans and what they are worth: the catalog with `plan_price_map`'s answer for the prices at hand.
struct PlanBook {
  var catalog: Catalog
  /// Price → plan name.
  var prices: [String: String]

  /// The plan of a price; nil where the map has none, or one that the config file no longer has.
  func plan(price: String?) -> Plan? { price.flatMap { prices[$0] }.flatMap { catalog.plans[$0] } }

  func plan(_ name: String?) -> Plan? { name.flatMap { catalog.plans[$0] } }

  /// The better of two plans by rank; equal ranks go by name, so that no order of events matters. A plan
  /// that the config file no longer has is the worst.
  func isBetter(_ left: String?, than right: String?) -> Bool {
    guard let left else { return false }
    guard let right else { return true }
    return (plan(left)?.rank ?? .min, left) > (plan(right)?.rank ?? .min, right)
  }

  /// Of several subscriptions the one that counts: the live one of the best plan, and of those the one whose
  /// period began last. nil: none is live.
  func speaking(_ subscriptions: [StoredSubscription]) -> StoredSubscription? {
    subscriptions.filter { $0.plan != nil && SubscriptionStatus.isLive($0.status, catalog) }
      .max { left, right in
        if left.plan != right.plan { return isBetter(right.plan, than: left.plan) }
        let starts = (left.currentPeriodStart ?? .distantPast, right.currentPeriodStart ?? .distantPast)
        return starts.0 != starts.1 ? starts.0 < starts.1 : left.id < right.id
      }
  }

  /// Tokens of one period: the plan's, or its trial's, times the seats where a tenant's pool grows with
  /// them. A plan without a limit grants all that can be counted.
  func tokens(_ plan: Plan, account: AccountID, seats: Int64, isTrial: Bool) -> Int64 {
    let amount = isTrial ? plan.budget.trialTokens ?? plan.budget.tokens : plan.budget.tokens
    guard let amount else { return Limits.tokensMax }
    guard plan.budget.perSeat, account.kind == .tenant else { return amount }
    let (product, overflow) = amount.multipliedReportingOverflow(by: max(1, seats))
    return overflow ? Limits.tokensMax : min(product, Limits.tokensMax)
  }
}
