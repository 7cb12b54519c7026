package import Gate

extension PostgresStore {
  private static let userColumns = """
    u.id, u.email, u.plan, u.plan_changed_at, u.tenant_id, u.stripe_customer_id, u.version, u.created_at
    """

  package func putUser(
    _ id: String, _ change: UserChange, actor: String
  ) async throws(StoreError) -> User {
    try Check.identifier(id, "id")
    try Check.identifier(change.plan, "plan")
    return try await pool.transaction { (transaction) async throws(StoreError) -> User in
      if case .set(let tenant?) = change.tenant {
        let found = try await transaction.query(
          "SELECT FROM tenants WHERE id = $1 FOR KEY SHARE", [.text(tenant)])
        guard found.count == 1 else { throw .invalid(field: "tenant", message: "there is no such tenant") }
      }
      let before = try await transaction.query(
        "SELECT to_jsonb(u) - 'version' AS record FROM users u WHERE id = $1 FOR UPDATE", [.text(id)])
      let rows = try await transaction.query(
        """
        INSERT INTO users AS u (id, email, plan, tenant_id, stripe_customer_id)
        VALUES ($1, $3, $5, $7, $9)
        ON CONFLICT (id) DO UPDATE SET
          email = CASE WHEN $2 THEN excluded.email ELSE u.email END,
          plan = CASE WHEN $4 THEN excluded.plan ELSE u.plan END,
          tenant_id = CASE WHEN $6 THEN excluded.tenant_id ELSE u.tenant_id END,
          stripe_customer_id = CASE WHEN $8 THEN excluded.stripe_customer_id ELSE u.stripe_customer_id END
        RETURNING \(Self.userColumns), to_jsonb(u) - 'version' AS record
        """,
        [.text(id)] + change.email.parameters + change.plan.parameters + change.tenant.parameters
          + change.stripeCustomerID.parameters)
      try await transaction.audit(
        actor, "user.put", "user:\(id)", before: before.first?.string("record"),
        after: rows.first?.string("record"))
      return try Self.user(rows[0])
    }
  }

  package func user(_ id: String) async throws(StoreError) -> User? {
    let rows = try await pool.query("SELECT \(Self.userColumns) FROM users u WHERE id = $1", [.text(id)])
    guard let row = rows.first else { return nil }
    return try Self.user(row)
  }

  /// In the order of the ids.
  package func users(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<User> {
    let after = try Cursor.decode(page.cursor, count: 1)
    let parameters: [PostgresValue] = [
      .text(orNull: after?[0]), .text(orNull: filter.query.map(SearchPattern.quicklyContaining)),
      .text(orNull: filter.plan),
      page.rowsToRead,
    ]
    let rows: PostgresRows
    if let status = filter.status {
      rows = try await pool.query(
        """
        SELECT * FROM (
          (\(Self.listedUsers(joins: Self.principalJoins, Self.ownSpeaks)))
          UNION ALL
          (\(Self.listedUsers(joins: Self.principalJoins, Self.tenantSpeaks)))) AS listed
        ORDER BY id LIMIT $4
        """, parameters + [.text(status)])
    } else {
      rows = try await pool.query(Self.listedUsers(joins: "", ""), parameters)
    }
    return try rows.page(page, item: Self.user) { [$0.string("id") ?? ""] }
  }

  private static func listedUsers(joins: String, _ condition: String) -> String {
    """
    SELECT \(userColumns) FROM users u \(joins)
    WHERE ($1::text IS NULL OR u.id > $1)
      AND ($2::text IS NULL OR lower(u.id) LIKE lower($2) OR lower(u.email) LIKE lower($2))
      AND ($3::text IS NULL OR u.plan = $3) \(condition)
    ORDER BY u.id LIMIT $4
    """
  }

  /// The status of the subscription that speaks for a user is looked for by the subscriptions that have it: one
  /// of the user's own, or one of the tenant's.
  private static let ownSpeaks = """
    AND s.status = $5 AND s.tenant_id IS NULL AND u.id IN (
      SELECT user_id FROM subscriptions
      WHERE status = $5 AND user_id IS NOT NULL AND ($1::text IS NULL OR user_id > $1))
    """
  private static let tenantSpeaks = """
    AND s.status = $5 AND s.tenant_id IS NOT NULL AND u.tenant_id IN (
      SELECT tenant_id FROM subscriptions WHERE status = $5 AND tenant_id IS NOT NULL)
    """

  private static func user(_ row: PostgresRow) throws(StoreError) -> User {
    User(
      id: try row.need("id", PostgresRow.string), email: row.string("email"), plan: row.string("plan"),
      planChangedAt: row.instant("plan_changed_at"), tenant: row.string("tenant_id"),
      stripeCustomerID: row.string("stripe_customer_id"), version: try row.need("version", PostgresRow.int),
      createdAt: try row.need("created_at", PostgresRow.instant))
  }
}
