package import Gate

extension JSON {
  /// As `GET /admin/v1/users/{id}/limits` shows them.
  package static func limits(
    of user: String, _ plan: Plan?, _ overrides: [LimitOverrideRecord], at now: Instant
  ) -> JSON {
    let features = (plan?.featureLimits ?? [:]).sorted { $0.key < $1.key }
    return [
      "user": .string(user), "plan": .text(plan?.name),
      "plan_limits": plan.map { .rateLimits($0.limits) } ?? .null,
      "feature_limits": .object(features.map { Member($0.key, .rateLimits($0.value)) }),
      "overrides": .array(overrides.map { .override($0, at: now) }),
    ]
  }

  /// A user's own limit; what it doesn't take is null.
  package static func override(_ record: LimitOverrideRecord, at now: Instant) -> JSON {
    let override = record.override
    var window: WindowLimit?
    var amount: Int64?
    switch override.value {
    case .unlimited: break
    case .window(let limit): window = limit
    case .amount(let limit): amount = limit
    }
    return [
      "limit": .string(override.limit.rawValue), "feature": .text(override.feature),
      "count": .amount(window?.count), "window_s": .amount(window?.windowSeconds),
      "burst": .amount(window?.burst), "amount": .amount(amount),
      "unlimited": .bool(override.value == .unlimited), "expires_at": .time(override.expiresAt),
      "active": .bool(override.expiresAt.map { now < $0 } ?? true), "reason": .text(record.reason),
      "created_at": .time(record.createdAt), "updated_at": .time(record.updatedAt),
    ]
  }

  private static func rateLimits(_ limits: RateLimits) -> JSON {
    func window(_ limit: WindowLimit?) -> JSON {
      guard let limit else { return .null }
      return [
        "count": .integer(limit.count), "window_s": .integer(limit.windowSeconds),
        "burst": .integer(limit.burst),
      ]
    }
    return [
      "requests": window(limits.requests), "tokens": window(limits.tokens),
      "concurrent": .amount(limits.concurrent), "hourly_tokens": .amount(limits.hourlyTokens),
      "daily_tokens": .amount(limits.dailyTokens),
      "shadow": .array(limits.shadow.sorted().map { .string($0) }),
    ]
  }
}
