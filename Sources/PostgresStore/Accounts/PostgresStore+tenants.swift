package import Gate

extension PostgresStore {
  private static let tenantColumns = """
    n.id, n.name, n.plan, n.seats, n.stripe_customer_id, n.version, n.created_at
    """

  package func putTenant(
    _ id: String, _ change: TenantChange, actor: String
  ) async throws(StoreError) -> Tenant {
    try Check.identifier(id, "id")
    try Check.identifier(change.plan, "plan")
    if case .set(let seats) = change.seats, !(1...1_000_000).contains(seats ?? 1) {
      throw .invalid(field: "seats", message: "must be 1 to 1,000,000")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> Tenant in
      let before = try await transaction.query(
        "SELECT to_jsonb(n) - '{version,own_status}'::text[] AS record FROM tenants n WHERE id = $1 FOR UPDATE",
        [.text(id)])
      let rows = try await transaction.query(
        """
        INSERT INTO tenants AS n (id, name, plan, seats, stripe_customer_id)
        VALUES ($1, $3, $5, coalesce($7, 1), $9)
        ON CONFLICT (id) DO UPDATE SET
          name = CASE WHEN $2 THEN excluded.name ELSE n.name END,
          plan = CASE WHEN $4 THEN excluded.plan ELSE n.plan END,
          seats = CASE WHEN $6 THEN excluded.seats ELSE n.seats END,
          stripe_customer_id = CASE WHEN $8 THEN excluded.stripe_customer_id ELSE n.stripe_customer_id END
        RETURNING \(Self.tenantColumns), to_jsonb(n) - '{version,own_status}'::text[] AS record
        """,
        [.text(id)] + change.name.parameters + change.plan.parameters + change.seats.parameters
          + change.stripeCustomerID.parameters)
      try await transaction.audit(
        actor, "tenant.put", "tenant:\(id)", before: before.first?.string("record"),
        after: rows.first?.string("record"))
      return try Self.tenant(rows[0])
    }
  }

  package func tenant(_ id: String) async throws(StoreError) -> Tenant? {
    let rows = try await pool.query(
      "SELECT \(Self.tenantColumns) FROM tenants n WHERE id = $1", [.text(id)])
    guard let row = rows.first else { return nil }
    return try Self.tenant(row)
  }

  /// In the order of the ids; the filter's query is part of the id or name.
  package func tenants(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Page<Tenant> {
    let after = try Cursor.decode(page.cursor, count: 1)
    let rows = try await pool.list(
      """
      SELECT \(Self.tenantColumns) FROM tenants n
      WHERE ($1::text IS NULL OR n.id > $1)
        AND ($2::text IS NULL OR lower(n.id) LIKE lower($2) OR lower(n.name) LIKE lower($2))
        AND ($3::text IS NULL OR n.plan = $3)
        AND ($4::text IS NULL OR n.own_status = $4)
      ORDER BY n.id LIMIT $5
      """,
      [
        .text(orNull: after?[0]), .text(orNull: filter.query.map(SearchPattern.containing)),
        .text(orNull: filter.plan),
        .text(orNull: filter.status), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.tenant) { [$0.string("id") ?? ""] }
  }

  private static func tenant(_ row: PostgresRow) throws(StoreError) -> Tenant {
    Tenant(
      id: try row.need("id", PostgresRow.string), name: row.string("name"), plan: row.string("plan"),
      seats: try row.need("seats", PostgresRow.int), stripeCustomerID: row.string("stripe_customer_id"),
      version: try row.need("version", PostgresRow.int),
      createdAt: try row.need("created_at", PostgresRow.instant))
  }
}
