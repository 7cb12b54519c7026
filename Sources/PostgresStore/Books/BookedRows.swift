import Gate

/// Rows of the books as the domain has them.
extension PostgresStore {
  static let holdColumns = """
    h.id, h.user_id, h.tenant_id, h.feature, h.tokens, h.expires_at, h.created_at, h.on_expire, h.state,
    h.settled_tokens, h.user_grants, h.user_amounts, h.tenant_grants, h.tenant_amounts, h.user_period_start,
    h.tenant_period_start, h.reported, h.takes_feature_slot, h.feeds_estimate
    """

  static func hold(_ row: PostgresRow) throws(StoreError) -> HoldRecord {
    guard let state = row.string("state").flatMap({ HoldRecord.State(rawValue: $0) }) else {
      throw .internalError("a hold's state is unreadable")
    }
    return HoldRecord(
      id: try row.need("id", PostgresRow.string), user: try row.need("user_id", PostgresRow.string),
      tenant: row.string("tenant_id"), feature: try row.need("feature", PostgresRow.string),
      tokens: try row.need("tokens", PostgresRow.int),
      expiresAt: try row.need("expires_at", PostgresRow.instant),
      createdAt: try row.need("created_at", PostgresRow.instant),
      onExpire: row.string("on_expire").flatMap { Feature.Expiry(rawValue: $0) } ?? .charge,
      userAllocations: try allocations(row, "user_grants", "user_amounts"),
      tenantAllocations: try allocations(row, "tenant_grants", "tenant_amounts"),
      userPeriodStart: row.instant("user_period_start"),
      tenantPeriodStart: row.instant("tenant_period_start"), reported: row.int("reported"),
      takesFeatureSlot: try row.need("takes_feature_slot", PostgresRow.bool),
      feedsEstimate: try row.need("feeds_estimate", PostgresRow.bool), state: state,
      settledTokens: row.int("settled_tokens"))
  }

  /// Two parallel arrays: `c1764547200000` or `g17`, and how many tokens.
  static func allocations(
    _ row: PostgresRow, _ grants: String, _ amounts: String
  ) throws(StoreError) -> [Allocation] {
    let names = try row.need(grants, PostgresRow.textArray)
    let numbers = try row.need(amounts, PostgresRow.intArray)
    guard names.count == numbers.count else { throw .internalError("allocations without amounts") }
    var allocations: [Allocation] = []
    for (name, number) in zip(names, numbers) {
      guard let name, let number, let grant = Grant.Reference("grt_\(name)") else {
        throw .internalError("an allocation is unreadable")
      }
      allocations.append(Allocation(grant: grant, tokens: number))
    }
    return allocations
  }
}

extension Grant.Reference {
  /// As the books' arrays have it: `g17`.
  var bookedName: String { "\(series.rawValue)\(number)" }
}
