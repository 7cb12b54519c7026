package import Gate

extension PostgresStore: PrincipalStore {
  package func principals(tokenHashes: [TokenHash]) async throws(StoreError) -> [Principal?] {
    var principals = [Principal?](repeating: nil, count: tokenHashes.count)
    guard !tokenHashes.isEmpty else { return principals }
    let rows = try await pool.query(
      """
      SELECT asked.position, t.expires_at AS token_expires_at, \(Self.principalColumns)
      FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (hash, position)
      JOIN extension_tokens t ON t.token_hash = asked.hash
      JOIN users u ON u.id = t.user_id
      \(Self.principalJoins)
      """, [.bytesArray(tokenHashes.map(\.bytes))])
    for index in 0..<rows.count {
      let row = rows[index]
      var principal = try Self.principal(row)
      principal.tokenExpiresAt = row.instant("token_expires_at")
      principals[Int(try row.need("position", PostgresRow.int)) - 1] = principal
    }
    return principals
  }

  package func principal(user: String) async throws(StoreError) -> Principal? {
    let rows = try await pool.query(
      "SELECT \(Self.principalColumns) FROM users u \(Self.principalJoins) WHERE u.id = $1", [.text(user)])
    guard let row = rows.first else { return nil }
    return try Self.principal(row)
  }

  package func apiKey(hash: TokenHash) async throws(StoreError) -> APIKey? {
    let rows = try await pool.query(
      "SELECT \(Self.keyColumns) FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL",
      [.bytes(hash.bytes)])
    guard let row = rows.first else { return nil }
    return try Self.key(row)
  }

  package func hold(id: String) async throws(StoreError) -> HoldRecord? {
    let rows = try await pool.query("SELECT \(Self.holdColumns) FROM holds h WHERE id = $1", [.text(id)])
    guard let row = rows.first else { return nil }
    return try Self.hold(row)
  }

  package func markUsed(tokens: [TokenHash]) async throws(StoreError) {
    guard !tokens.isEmpty else { return }
    // Rows that another gate is just marking are marked by it: nobody waits, and nobody dies in a deadlock.
    _ = try await pool.query(
      """
      UPDATE extension_tokens SET last_used_at = now() WHERE id IN (
        SELECT id FROM extension_tokens
        WHERE token_hash = ANY($1::bytea[])
          AND (last_used_at IS NULL OR last_used_at < now() - interval '30 seconds')
        FOR NO KEY UPDATE SKIP LOCKED)
      """, [.bytesArray(tokens.map(\.bytes))])
  }

  static let principalColumns = """
    u.id AS user_id, u.tenant_id, u.plan AS user_plan, n.plan AS tenant_plan, u.version,
    coalesce(n.version, 0) AS tenant_version,
    greatest(1, coalesce(CASE WHEN s.tenant_id IS NOT NULL THEN s.seats END, n.seats, 1)) AS seats,
    s.stripe_subscription_id, s.status, s.current_period_start, s.current_period_end, s.past_due_since,
    ARRAY(SELECT \(overrideText) FROM limit_overrides o
      WHERE o.user_id = u.id AND (o.expires_at IS NULL OR o.expires_at > now())
      ORDER BY o.feature, o.limit_name) AS overrides
    """

  /// The subscription that speaks for a user: the tenant's where it has one, live ones first, then the one
  /// of the account's plan, then the latest.
  static let principalJoins = """
    LEFT JOIN tenants n ON n.id = u.tenant_id
    LEFT JOIN LATERAL (
      SELECT candidate.* FROM (
        SELECT o.*, n.plan AS account_plan FROM subscriptions o WHERE o.tenant_id = u.tenant_id
        UNION ALL
        SELECT o.*, u.plan FROM subscriptions o WHERE o.user_id = u.id AND o.tenant_id IS NULL
      ) AS candidate
      ORDER BY candidate.tenant_id IS NOT NULL DESC,
        candidate.status IN ('active', 'trialing', 'past_due') DESC,
        candidate.status IN ('active', 'trialing', 'past_due')
          AND candidate.plan IS NOT DISTINCT FROM candidate.account_plan DESC,
        candidate.current_period_end DESC NULLS LAST, candidate.created_at DESC,
        candidate.stripe_subscription_id
      LIMIT 1) AS s ON true
    """

  static func principal(_ row: PostgresRow) throws(StoreError) -> Principal {
    var subscription: SubscriptionState?
    if let id = row.string("stripe_subscription_id") {
      subscription = SubscriptionState(
        stripeSubscriptionID: id, status: try row.need("status", PostgresRow.string),
        currentPeriodStart: row.instant("current_period_start"),
        currentPeriodEnd: row.instant("current_period_end"), pastDueSince: row.instant("past_due_since"))
    }
    return Principal(
      user: try row.need("user_id", PostgresRow.string), tenant: row.string("tenant_id"),
      userPlan: row.string("user_plan"), tenantPlan: row.string("tenant_plan"),
      seats: try row.need("seats", PostgresRow.int), subscription: subscription,
      overrides: try overrides(row), version: try row.need("version", PostgresRow.int),
      tenantVersion: try row.need("tenant_version", PostgresRow.int))
  }
}
