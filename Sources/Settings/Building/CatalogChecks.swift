internal import Gate

/// What no single key can tell: that names lead somewhere, that a price means one thing.
enum CatalogChecks {
  static func check(_ catalog: Catalog, _ values: inout SettingValues) {
    reference(catalog.defaultPlan, ["default_plan"], "plan", catalog.plans.keys, &values)
    if values.isGiven(["default_feature"]) || !catalog.features.isEmpty {
      reference(catalog.defaultFeature, ["default_feature"], "feature", catalog.features.keys, &values)
    }
    for name in values.names(["policies"]) where values.isGiven(["policies", name, "feature"]) {
      let feature = catalog.policies[name]?.feature
      guard let feature, !feature.isEmpty else { continue }
      reference(feature, ["policies", name, "feature"], "feature", catalog.features.keys, &values)
    }
    for name in values.names(["plans"]) {
      guard let plan = catalog.plans[name] else { continue }
      check(plan, catalog, &values)
    }
    prices(catalog, &values)
  }

  private static func check(_ plan: Plan, _ catalog: Catalog, _ values: inout SettingValues) {
    let path = ["plans", plan.name]
    for feature in plan.features {
      reference(feature, path + ["features"], "feature", catalog.features.keys, &values)
    }
    for feature in values.names(path + ["feature_limits"]) {
      let place = path + ["feature_limits", feature]
      reference(feature, place, "feature", catalog.features.keys, &values)
      guard let limits = plan.featureLimits[feature] else { continue }
      check(limits, place, &values)
    }
    check(plan.limits, path + ["limits"], &values)
    if plan.budget.tokens == nil, !values.isGiven(path + ["budget", "tokens"]) {
      values.warnings.append(
        "plans.\(plan.name).budget.tokens is not set: the plan has no token limit. Write `null` to mean it")
    }
    if plan.budget.period == .none, plan.budget.rolloverMax > 0 {
      values.mistake(
        path + ["budget", "rollover_max"], "must be 0 with `period: none`: that period never ends")
    }
  }

  private static func check(
    _ limits: RateLimits, _ path: SettingValues.Path, _ values: inout SettingValues
  ) {
    let limited: [String: Bool] = [
      "requests": limits.requests != nil, "tokens": limits.tokens != nil,
      "concurrent": limits.concurrent != nil, "hourly_tokens": limits.hourlyTokens != nil,
      "daily_tokens": limits.dailyTokens != nil,
    ]
    for name in limits.shadow.sorted()
    where limited[name] != true && !values.isGiven(path + [name]) && !values.has(path + [name]) {
      values.mistake(path + ["shadow"], "names `\(name)`, which has no limit here")
    }
  }

  private static func prices(_ catalog: Catalog, _ values: inout SettingValues) {
    var owners: [String: String] = [:]
    for name in values.names(["plans"]) {
      for price in catalog.plans[name]?.prices ?? [] {
        if let owner = owners[price] {
          values.mistake(
            ["plans", name, "prices"], "`\(price)` maps to the plan `\(owner)` already; one plan is allowed")
        }
        owners[price] = owners[price] ?? name
      }
    }
    for price in values.names(["topups"]) {
      guard let owner = owners[price] else { continue }
      values.mistake(
        ["topups", price], "maps to the plan `\(owner)` already; a price is a plan's or a top-up's")
    }
  }

  private static func reference(
    _ name: String?, _ path: SettingValues.Path, _ what: String, _ known: some Collection<String>,
    _ values: inout SettingValues
  ) {
    guard let name, !known.contains(name) else { return }
    values.mistake(
      path,
      "`\(name)` is no \(what) of this file; "
        + (known.isEmpty ? "there is none" : Suggestion.among(known.sorted(), for: name)))
  }
}
