internal import AdminAPI
package import Gate
internal import PostgresStore
internal import Settings

extension Administration {
  /// The limits of the user's plan, and the user's own.
  package func limits(of user: String) async throws(StoreError) -> Answer {
    guard let principal = try await backend.store.principal(user: user) else {
      throw .notFound("user `\(user)`")
    }
    let plan = Entitlement(of: principal, catalog: backend.settings.catalog).plan
    let overrides = try await backend.store.limitOverrides(user: user)
    let now = Clock.now()
    let features = (plan?.featureLimits ?? [:]).sorted { $0.key < $1.key }
    var rows = plan.map { Administration.rows(of: $0.limits, feature: nil, $0.name) } ?? []
    for (feature, limits) in features {
      rows += Administration.rows(of: limits, feature: feature, plan?.name ?? "")
    }
    rows += overrides.map { Administration.row($0, at: now) }
    let table = TextTable(["LIMIT", "FEATURE", "VALUE", "FROM", "EXPIRES", .text("REASON")], rows)
    return Answer(.limits(of: user, plan, overrides, at: now), rows.isEmpty ? [] : [.table(table)])
  }

  /// Gives a user a limit of their own. Throws `conflict` for a feature that the config file doesn't have.
  package func setLimit(
    _ override: LimitOverride, of user: String, reason: String?
  ) async throws(StoreError) -> Answer {
    if let feature = override.feature, backend.settings.catalog.features[feature] == nil {
      throw .conflict("there is no such feature `\(feature)` in the config file")
    }
    try await known(.user(user))
    let record = try await backend.store.putLimitOverride(
      override, user: user, reason: reason, actor: Administration.actor)
    try await makeEffective(.user(user))
    let value = Administration.words(record.override.value)
    return Answer(
      .override(record, at: Clock.now()),
      [.line("\(Administration.name(override.limit, override.feature)) of user \(user): \(value)")])
  }

  /// Has the plan's limit count again.
  package func clearLimit(
    _ limit: LimitOverride.Limit, feature: String?, of user: String
  ) async throws(StoreError) -> Answer {
    let isRemoved = try await backend.store.removeLimitOverride(
      limit, feature: feature, user: user, actor: Administration.actor)
    try await makeEffective(.user(user))
    let name = Administration.name(limit, feature)
    guard isRemoved else { throw .notFound("\(name) of user `\(user)`") }
    return Answer(
      ["user": .string(user), "limit": .string(limit.rawValue), "feature": .text(feature), "removed": true],
      [.line("\(name) of user \(user): as the plan has it")])
  }

  private static func name(_ limit: LimitOverride.Limit, _ feature: String?) -> String {
    feature.map { "\(limit.rawValue) of \($0)" } ?? limit.rawValue
  }

  private static func words(_ value: LimitOverride.Value) -> String {
    switch value {
    case .unlimited: "unlimited"
    case .amount(let amount): String(amount)
    case .window(let window): "\(window.count) per \(window.windowSeconds) s, \(window.burst) at once"
    }
  }

  private static func rows(of limits: RateLimits, feature: String?, _ plan: String) -> [[TextTable.Cell]] {
    let values: [(LimitOverride.Limit, LimitOverride.Value?)] = [
      (.requests, limits.requests.map { .window($0) }), (.tokens, limits.tokens.map { .window($0) }),
      (.concurrent, limits.concurrent.map { .amount($0) }),
      (.hourlyTokens, limits.hourlyTokens.map { .amount($0) }),
      (.dailyTokens, limits.dailyTokens.map { .amount($0) }),
    ]
    return values.compactMap { limit, value in
      guard let value else { return nil }
      let source = "plan \(plan)" + (limits.shadow.contains(limit.rawValue) ? " (shadow)" : "")
      return [
        .init(limit.rawValue), .init(feature), .init(words(value)), .init(source), .init(nil), .init(nil),
      ]
    }
  }

  private static func row(_ record: LimitOverrideRecord, at now: Instant) -> [TextTable.Cell] {
    let override = record.override
    let isOver = override.expiresAt.map { $0 <= now } ?? false
    return [
      .init(override.limit.rawValue), .init(override.feature), .init(words(override.value)), "user",
      .init(override.expiresAt?.rfc3339 ?? "never", tone: isOver ? .warning : .plain), .init(record.reason),
    ]
  }
}
