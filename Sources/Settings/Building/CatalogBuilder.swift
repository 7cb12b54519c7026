internal import Gate

/// Makes the catalog of values that the schema has found good. What is missing or wrong has its default
/// here, and its mistake in the list.
enum CatalogBuilder {
  static func build(_ values: inout SettingValues) -> Catalog {
    Catalog(
      defaultPlan: values.text("default_plan"),
      defaultFeature: values.text("default_feature") ?? "",
      plans: values.names(["plans"]).map { plan($0, values) },
      features: values.names(["features"]).map { feature($0, values) },
      topups: named("topups", values) { topUp($0, values) },
      policies: named("policies", values) { policy($0, values) },
      thresholds: values.integers("thresholds").map { Int($0) },
      links: links(values),
      incompleteGrantsAccess: values.boolean("incomplete_grants_access"))
  }

  private static func named<Value>(
    _ section: String, _ values: SettingValues, _ make: (String) -> Value
  ) -> [String: Value] {
    Dictionary(values.names([section]).map { ($0, make($0)) }, uniquingKeysWith: { first, _ in first })
  }

  private static func plan(_ name: String, _ values: SettingValues) -> Plan {
    let limited = values.names(["plans", name, "feature_limits"])
    let featureLimits = limited.map { ($0, limits("plans.*.feature_limits.*", [name, $0], values)) }
    return Plan(
      name: name, rank: Int(values.integer("plans.*.rank", name) ?? 0),
      features: values.texts("plans.*.features", name), prices: values.texts("plans.*.prices", name),
      budget: budget(name, values), limits: limits("plans.*.limits", [name], values),
      featureLimits: Dictionary(featureLimits, uniquingKeysWith: { first, _ in first }),
      pastDueGraceSeconds: values.integer("plans.*.past_due_grace_s", name) ?? 0)
  }

  private static func budget(_ plan: String, _ values: SettingValues) -> BudgetRule {
    BudgetRule(
      tokens: values.integer("plans.*.budget.tokens", plan),
      period: values.word("plans.*.budget.period", plan, else: .month),
      timeZone: values.text("plans.*.budget.timezone", plan) ?? "UTC",
      trialTokens: values.integer("plans.*.budget.trial_tokens", plan),
      rolloverMax: values.integer("plans.*.budget.rollover_max", plan) ?? 0,
      debt: values.word("plans.*.budget.debt", plan, else: .forgive),
      perSeat: values.boolean("plans.*.budget.per_seat", plan),
      draw: values.word("plans.*.budget.draw", plan, else: .pool),
      downgrade: values.word("plans.*.budget.downgrade", plan, else: .atPeriodEnd),
      graceSeconds: values.integer("plans.*.budget.grace_s", plan) ?? 0)
  }

  private static func limits(_ pattern: String, _ names: [String], _ values: SettingValues) -> RateLimits {
    func integer(_ key: String) -> Int64? { values.integer("\(pattern).\(key)", names) }
    func window(_ key: String) -> WindowLimit? {
      guard values.has(SettingValues.path("\(pattern).\(key)", names)),
        let count = integer("\(key).count"), let seconds = integer("\(key).window_s")
      else { return nil }
      return WindowLimit(count: count, windowSeconds: seconds, burst: integer("\(key).burst"))
    }
    return RateLimits(
      requests: window("requests"), tokens: window("tokens"), concurrent: integer("concurrent"),
      hourlyTokens: integer("hourly_tokens"), dailyTokens: integer("daily_tokens"),
      shadow: Set(values.texts("\(pattern).shadow", names)))
  }

  private static func feature(_ name: String, _ values: SettingValues) -> Feature {
    let isP95 = values.text("features.*.default_tokens", name) == "p95"
    return Feature(
      name: name, defaultTokens: isP95 ? 1000 : values.integer("features.*.default_tokens", name) ?? 0,
      defaultIsP95: isP95, minTokens: values.integer("features.*.min_tokens", name),
      onExpire: values.word("features.*.on_expire", name, else: .charge),
      onStoreFailure: values.word("features.*.on_store_failure", name, else: .deny))
  }

  private static func topUp(_ price: String, _ values: SettingValues) -> TopUp {
    TopUp(
      tokens: values.integer("topups.*.tokens", price) ?? 0,
      expiresAfterDays: values.integer("topups.*.expires_after_days", price))
  }

  private static func policy(_ name: String, _ values: SettingValues) -> Policy {
    Policy(
      feature: values.text("policies.*.feature", name) ?? "",
      tokens: values.integer("policies.*.tokens", name),
      mode: values.word("policies.*.mode", name, else: .spend))
  }

  private static func links(_ values: SettingValues) -> BillingLinks {
    let webApp = values.text("billing.web_app_url")
    return BillingLinks(
      upgradeURL: values.text("billing.upgrade_url"),
      enterpriseContactURL: values.text("billing.enterprise_contact_url"),
      customerPortalURL: values.text("billing.customer_portal_url"),
      successURL: values.text("billing.success_url") ?? webApp,
      cancelURL: values.text("billing.cancel_url") ?? webApp,
      webAppURL: webApp)
  }
}
