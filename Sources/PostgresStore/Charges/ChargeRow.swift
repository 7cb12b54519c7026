import Gate

/// Rows of `degraded_charges` as the domain has them.
enum ChargeRow {
  static let columns = """
    c.operation_id, c.gate, c.user_id, c.tenant_id, c.feature, c.kind, c.tokens, c.at, c.occurred_at,
    c.metadata, c.idempotency_key, c.fingerprint, c.hold_id, c.expires_at, c.on_expire, c.reported_tokens, c.state,
    c.settled_tokens, c.outcome, c.budget, c.collected_at
    """

  static func read(_ row: PostgresRow) throws(StoreError) -> DegradedCharge {
    guard let kind = row.string("kind").flatMap({ DegradedCharge.Kind(rawValue: $0) }),
      let state = row.string("state").flatMap({ DegradedCharge.State(rawValue: $0) }),
      let onExpire = row.string("on_expire").flatMap({ Feature.Expiry(rawValue: $0) })
    else { throw .internalError("a charge is unreadable") }
    let budget = try row.need("budget", PostgresRow.intArray).compactMap { $0 }
    guard budget.count == 5 else { throw .internalError("a charge's budget is unreadable") }
    return DegradedCharge(
      operation: try row.need("operation_id", PostgresRow.string),
      gate: try row.need("gate", PostgresRow.string),
      user: try row.need("user_id", PostgresRow.string), tenant: row.string("tenant_id"),
      feature: try row.need("feature", PostgresRow.string), kind: kind,
      tokens: try row.need("tokens", PostgresRow.int), at: try row.need("at", PostgresRow.instant),
      occurredAt: row.instant("occurred_at"), metadata: row.string("metadata"),
      idempotencyKey: row.string("idempotency_key"), fingerprint: row.string("fingerprint"),
      hold: row.string("hold_id"), expiresAt: row.instant("expires_at"), onExpire: onExpire,
      reported: row.int("reported_tokens"), state: state,
      settledTokens: row.int("settled_tokens"), outcome: row.string("outcome"),
      budget: Budget(
        limit: budget[0], used: budget[1], held: budget[2], remaining: budget[3], debt: budget[4]),
      isCollected: row.instant("collected_at") != nil)
  }

  /// As an array's text, for a column of an array of arrays can't be unnested row by row.
  static func text(_ budget: Budget) -> String {
    "{\(budget.limit),\(budget.used),\(budget.held),\(budget.remaining),\(budget.debt)}"
  }
}
