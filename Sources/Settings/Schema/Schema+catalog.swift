internal import Gate

extension Schema {
  static let amount: ClosedRange<Int64> = 0...Limits.tokensMax

  /// What the catalog is made of, beside the plans.
  static let catalogKeys: [SettingKey] = [
    SettingKey(
      "default_plan", .text(.reference("plan")), .absent("`subscription_inactive`"),
      "What a user without a live subscription has."),
    SettingKey(
      "default_feature", .text(.reference("feature")), .value(.text("chat")),
      "What a check asks for when it names no feature."),
    SettingKey(
      "incomplete_grants_access", .boolean, .value(.boolean(false)),
      "Whether a subscription whose first payment is still open counts as active."),

    SettingKey(
      "features", .named(.identifier, count: 1...256), .required, "What is gated, by name."),
    SettingKey(
      "features.*.default_tokens", .integerOrWord(amount, "p95"), .value(.integer(1000)),
      "What a request costs that doesn't say; `p95`: the user's recent 95th percentile, 1,000 until known."),
    SettingKey(
      "features.*.min_tokens", .integer(amount), .absent("its default_tokens"),
      "What a caller with an extension token alone pays at least."),
    SettingKey(
      "features.*.on_expire", .choice(Feature.Expiry.allCases.map(\.rawValue)), .value(.text("charge")),
      "Whether a hold that expires is booked (`charge`) or given back (`release`)."),
    SettingKey(
      "features.*.on_store_failure", .choice(Feature.StoreFailure.allCases.map(\.rawValue)),
      .value(.text("deny")),
      "What is answered while Redis is away: 503, or 200 within the allowance of `degraded`."),

    SettingKey(
      "topups", .named(.price, count: 0...256), .absent("no top-ups"),
      "Stripe prices that add tokens when bought."),
    SettingKey(
      "topups.*.tokens", .integer(1...Limits.tokensMax), .required, "What one purchase adds."),
    SettingKey(
      "topups.*.expires_after_days", .integer(1...3650), .absent("never"),
      "Days after which what is left of it lapses."),

    SettingKey(
      "policies", .named(.identifier, count: 0...256), .absent("no `/authz` paths"),
      "What the last part of an `/authz` path asks for."),
    SettingKey(
      "policies.*.feature", .text(.reference("feature")), .required, "The feature that is checked."),
    SettingKey(
      "policies.*.tokens", .integer(amount), .absent("the feature's default_tokens"),
      "What one request costs."),
    SettingKey(
      "policies.*.mode", .choice(CheckMode.allCases.map(\.rawValue)), .value(.text("spend")),
      "Whether the tokens are taken, held, or only looked at."),

    SettingKey(
      "thresholds", .integers(1...100, count: 0...8), .value(.integers([50, 80, 100])),
      "Per cent of a budget at whose crossing one event is sent."),

    SettingKey("billing", .section, .absent("no links"), "The links of the Billing tab."),
    SettingKey(
      "billing.upgrade_url", .text(.webURL), .absent("no link"), "Where a refused user can get more."),
    SettingKey(
      "billing.enterprise_contact_url", .text(.contactURL), .absent("no link"), "Who sells the big plan."),
    SettingKey(
      "billing.customer_portal_url", .text(.webURL), .absent("no link"),
      "Stripe's customer portal, when it has a fixed address."),
    SettingKey(
      "billing.success_url", .text(.webURL), .absent("the web_app_url"),
      "Where a checkout that was paid ends."),
    SettingKey(
      "billing.cancel_url", .text(.webURL), .absent("the web_app_url"), "Where a checkout that was left ends."
    ),
    SettingKey("billing.web_app_url", .text(.webURL), .absent("no link"), "The web app."),
  ]
}
