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
        "SELECT to_jsonb(u) - '{version,own_status}'::text[] AS record FROM users u WHERE id = $1 FOR UPDATE",
        [.text(id)])
      let rows = try await transaction.query(
        """
        INSERT INTO users AS u (id, email, plan, tenant_id, stripe_customer_id)
        VALUES ($1, $3, $5, $7, $9)
        ON CONFLICT (id) DO UPDATE SET
          email = CASE WHEN $2 THEN excluded.email ELSE u.email END,
          plan = CASE WHEN $4 THEN excluded.plan ELSE u.plan END,
          tenant_id = CASE WHEN $6 THEN excluded.tenant_id ELSE u.tenant_id END,
          stripe_customer_id = CASE WHEN $8 THEN excluded.stripe_customer_id ELSE u.stripe_customer_id END
        RETURNING \(Self.userColumns), to_jsonb(u) - '{version,own_status}'::text[] AS record
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
      .text(orNull: after?[0]), .text(orNull: filter.plan), .text(orNull: filter.status),
    ]
    let rows: PostgresRows
    if let query = filter.query {
      let isSparse = try await tenantsAreFew(status: filter.status)
      rows = try await pool.search(
        walking: Self.listedUsers(filter, ofFewTenants: isSparse),
        upTo: filter.status == nil || isSparse ? 2_000 : 500, choosing: Self.userColumns, as: "u",
        matching: Self.matches("$5"), key: "id", finding: Self.foundUsers, parameters,
        SearchPattern.quicklyContaining(query), page)
    } else {
      rows = try await pool.list(Self.listedUsers(filter), parameters + [page.rowsToRead])
    }
    return try rows.page(page, item: Self.user) { [$0.string("id") ?? ""] }
  }

  /// What a search looks at, by the form that the indexes have; of `u`.
  static func matches(_ pattern: String) -> String {
    "(lower(u.id) LIKE lower(\(pattern)) OR lower(u.email) LIKE lower(\(pattern)))"
  }

  /// $1: the id before, $2: plan, $3: status, $4: how many. A user's status is the tenant's where that has one, so
  /// users of one status are read in two parts, each in its order.
  private static func listedUsers(_ filter: UserFilter, ofFewTenants isSparse: Bool = false) -> String {
    func part(_ condition: String) -> String {
      """
      SELECT \(userColumns) FROM users u
      WHERE ($1::text IS NULL OR u.id > $1) AND ($2::text IS NULL OR u.plan = $2) AND \(condition)
      ORDER BY u.id LIMIT $4
      """
    }
    guard filter.status != nil else { return part("$3::text IS NULL") }
    let own = """
      u.own_status = $3 AND NOT EXISTS (
        SELECT FROM tenants n WHERE n.id = u.tenant_id AND n.own_status IS NOT NULL)
      """
    let tenants = "SELECT id FROM tenants WHERE own_status = $3"
    let ofTenant = "u.tenant_id \(isSparse ? "= ANY (ARRAY (\(tenants)))" : "IN (\(tenants))")"
    return """
      SELECT * FROM ((\(part(own))) UNION ALL (\(part(ofTenant)))) AS listed
      ORDER BY id LIMIT $4
      """
  }

  /// Users of few tenants lie far apart in the order of their ids: they are looked up by their tenants and sorted,
  /// where Postgres would rather walk all users for the next one.
  private func tenantsAreFew(status: String?) async throws(StoreError) -> Bool {
    guard let status else { return false }
    let rows = try await pool.query(
      "SELECT count(*) AS n FROM (SELECT FROM tenants WHERE own_status = $1 LIMIT 1001) AS few",
      [.text(status)])
    return rows.int(0, "n") ?? 0 <= 1_000
  }

  /// OFFSET keeps the order out: those that match are found by the search's indexes, and sorted then.
  private static let foundUsers = """
    SELECT \(userColumns) FROM (
      SELECT * FROM users u WHERE \(matches("$5")) AND ($1::text IS NULL OR u.id > $1) OFFSET 0) AS u
    WHERE ($2::text IS NULL OR u.plan = $2) AND ($3::text IS NULL OR $3 = coalesce(
      (SELECT n.own_status FROM tenants n WHERE n.id = u.tenant_id), u.own_status))
    ORDER BY u.id LIMIT $4
    """

  private static func user(_ row: PostgresRow) throws(StoreError) -> User {
    User(
      id: try row.need("id", PostgresRow.string), email: row.string("email"), plan: row.string("plan"),
      planChangedAt: row.instant("plan_changed_at"), tenant: row.string("tenant_id"),
      stripeCustomerID: row.string("stripe_customer_id"), version: try row.need("version", PostgresRow.int),
      createdAt: try row.need("created_at", PostgresRow.instant))
  }
}
