internal import Gate

extension Schema {
  static let planKeys: [SettingKey] =
    [
      SettingKey("plans", .named(.identifier, count: 1...256), .required, "The plans, by name."),
      SettingKey(
        "plans.*.rank", .integer(0...1000), .value(.integer(0)),
        "Higher is better; of two live subscriptions the higher rank counts."),
      SettingKey(
        "plans.*.features", .texts(.reference("feature"), count: 0...256), .value(.texts([])),
        "The features that it includes."),
      SettingKey(
        "plans.*.prices", .texts(.price, count: 0...256), .value(.texts([])),
        "Stripe prices that map to it; they seed `plan_price_map`."),
      SettingKey(
        "plans.*.past_due_grace_s", .integer(0...7_776_000), .value(.integer(259_200)),
        "Seconds that a `past_due` subscription keeps it."),

      SettingKey("plans.*.budget", .section, .absent("no token limit"), "What it allows per period."),
      SettingKey(
        "plans.*.budget.tokens", .integer(amount), .absent("no limit; use is counted all the same"),
        "Tokens per period."),
      SettingKey(
        "plans.*.budget.period", .choice(BudgetRule.Period.allCases.map(\.rawValue)),
        .value(.text("month")),
        "Calendar month or day, the Stripe subscription's own period, or one grant that never resets."),
      SettingKey(
        "plans.*.budget.timezone", .text(.timeZone), .value(.text("UTC")),
        "Where its days and months begin."),
      SettingKey(
        "plans.*.budget.trial_tokens", .integer(amount), .absent("its tokens"),
        "Tokens of a trial period."),
      SettingKey(
        "plans.*.budget.rollover_max", .integer(amount), .value(.integer(0)),
        "At most so many unspent tokens go over to the next period."),
      SettingKey(
        "plans.*.budget.debt", .choice(BudgetRule.DebtRule.allCases.map(\.rawValue)),
        .value(.text("forgive")), "Whether debt ends with the period or is taken from the next."),
      SettingKey(
        "plans.*.budget.per_seat", .boolean, .value(.boolean(false)),
        "Whether a tenant's pool is tokens × seats."),
      SettingKey(
        "plans.*.budget.draw", .choice(BudgetRule.Draw.allCases.map(\.rawValue)), .value(.text("pool")),
        "What the users of a tenant draw on: its pool, a budget of their own, or both at once."),
      SettingKey(
        "plans.*.budget.downgrade", .choice(BudgetRule.Downgrade.allCases.map(\.rawValue)),
        .value(.text("period_end")), "When a change to a lower plan takes the budget away."),
      SettingKey(
        "plans.*.budget.grace_s", .integer(0...2_592_000), .value(.integer(172_800)),
        "Seconds that a budget outlives its subscription period: Stripe charges about an hour after it."),
    ] + limits("plans.*.limits", "Limits beside the budget.")
    + [
      SettingKey(
        "plans.*.feature_limits", .named(.reference("feature"), count: 0...64), .absent("none"),
        "Limits of single features, checked beside the plan's own.")
    ] + limits("plans.*.feature_limits.*", nil)

  private static func limits(_ path: String, _ about: String?) -> [SettingKey] {
    let count: ClosedRange<Int64> = 1...1_000_000_000_000
    func window(_ name: String, _ about: String) -> [SettingKey] {
      [
        SettingKey("\(path).\(name)", .section, .absent("no limit"), about),
        SettingKey("\(path).\(name).count", .integer(count), .required, "How many per window."),
        SettingKey(
          "\(path).\(name).window_s", .integer(1...86_400), .required, "The window's length in seconds."),
        SettingKey(
          "\(path).\(name).burst", .integer(count), .absent("its count"), "How many may come at once."),
      ]
    }
    return (about.map { [SettingKey(path, .section, .absent("no limits"), $0)] } ?? [])
      + window("requests", "Requests, evened out over the window (GCRA).")
      + window("tokens", "Tokens, evened out over the window (GCRA).")
      + [
        SettingKey(
          "\(path).concurrent", .integer(1...Int64(Limits.openHoldsMax)), .absent("no limit"),
          "Holds open at once."),
        SettingKey(
          "\(path).hourly_tokens", .integer(amount), .absent("no limit"),
          "Tokens per calendar hour, in the budget's time zone."),
        SettingKey(
          "\(path).daily_tokens", .integer(amount), .absent("no limit"),
          "Tokens per calendar day, in the budget's time zone."),
        SettingKey(
          "\(path).shadow", .texts(.limitName, count: 0...5), .value(.texts([])),
          "Limits that only record what they would have refused."),
      ]
  }
}
