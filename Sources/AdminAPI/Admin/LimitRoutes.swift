internal import Gate

/// The limits of one user: the plan's, and the user's own that take their place.
enum LimitRoutes {
  static let all = [
    Route("GET", "/admin/v1/users/{id}/limits", .adminRead, handle: list),
    Route("PUT", "/admin/v1/users/{id}/limits", .adminWrite, handle: put),
    Route("DELETE", "/admin/v1/users/{id}/limits/{limit}", .adminWrite, handle: remove),
  ]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    let account = try exchange.account(.user)
    let control = exchange.control
    guard let principal = try await control.principals.principal(user: account.id) else {
      throw Problem.notFound("user `\(account.id)`")
    }
    let plan = Entitlement(of: principal, catalog: control.catalog).plan
    let overrides = try await control.accounts.limitOverrides(user: account.id)
    return .json(.limits(of: account.id, plan, overrides, at: control.now()))
  }

  private static func put(_ exchange: Exchange) async throws -> ControlResponse {
    let account = try exchange.account(.user)
    let now = exchange.control.now()
    var fields = try Fields(
      body: exchange.request,
      known: [
        "limit", "feature", "count", "window_s", "burst", "amount", "unlimited", "expires_at", "reason",
      ])
    let limit = fields.required("limit", .choice(LimitRoutes.names)).flatMap(LimitOverride.Limit.init)
    let feature = fields.optional("feature", .identifier)
    if let feature, exchange.control.catalog.features[feature] == nil {
      fields.refuse("feature", "is not a known feature")
    }
    let value = limit.flatMap { LimitRoutes.value(of: $0, &fields) }
    let expiresAt = fields.optional("expires_at", .time(after: now))
    let reason = fields.optional("reason", .text(bytesMax: 500))
    guard let limit, let value, fields.errors.isEmpty else { throw fields.problem }
    let record = try await exchange.control.accounts.putLimitOverride(
      LimitOverride(feature: feature, limit: limit, value: value, expiresAt: expiresAt), user: account.id,
      reason: reason, actor: exchange.caller.actor)
    try await exchange.makeEffective(account)
    return .json(.override(record, at: now))
  }

  /// Of the fields that give a value just those that the limit takes may be there.
  private static func value(
    of limit: LimitOverride.Limit, _ fields: inout Fields
  ) -> LimitOverride.Value? {
    let isUnlimited = fields.optional("unlimited", .boolean) ?? false
    let wanted: Set<String> = isUnlimited ? [] : limit.isWindow ? ["count", "window_s", "burst"] : ["amount"]
    for name in ["count", "window_s", "burst", "amount"] where !wanted.contains(name) && fields.has(name) {
      fields.refuse(name, "can't be given " + (isUnlimited ? "with unlimited" : "for \(limit.rawValue)"))
    }
    if isUnlimited { return .unlimited }
    guard limit.isWindow else {
      return fields.required("amount", .integer(limit.amountRange)).map { .amount($0) }
    }
    let count = fields.required("count", .integer(Limits.windowCount))
    let seconds = fields.required("window_s", .integer(Limits.windowSeconds))
    let burst = fields.optional("burst", .integer(Limits.windowCount))
    guard let count, let seconds else { return nil }
    return .window(WindowLimit(count: count, windowSeconds: seconds, burst: burst))
  }

  private static func remove(_ exchange: Exchange) async throws -> ControlResponse {
    let account = try exchange.account(.user)
    var fields = try Fields(query: exchange.request, known: ["feature"])
    let feature = fields.optional("feature", .identifier)
    try fields.check()
    guard let limit = exchange.parameters["limit"].flatMap(LimitOverride.Limit.init) else {
      throw Problem.notFound("such limit; there are \(LimitRoutes.names.joined(separator: ", "))")
    }
    let isRemoved = try await exchange.control.accounts.removeLimitOverride(
      limit, feature: feature, user: account.id, actor: exchange.caller.actor)
    // Also when there was nothing to do: the call that did it may have failed to tell Redis.
    try await exchange.makeEffective(account)
    guard isRemoved else { throw Problem.notFound("such limit of this user") }
    return .noContent
  }

  private static let names = LimitOverride.Limit.allCases.map(\.rawValue)
}
