package import Gate

extension PostgresBillingStore: CustomerQueue {
  /// See ``CustomerQueue/claimCustomerOrders(limit:leaseSeconds:)``.
  package func claimCustomerOrders(
    limit: Int, leaseSeconds: Int64
  ) async throws(StoreError) -> [CustomerOrder] {
    // Two gates may choose the same accounts; the insert waits for the other's row, and then finds it leased.
    let rows = try await pool.query(
      """
      INSERT INTO customer_orders AS held (account_kind, account_id, email, attempts, next_attempt_at)
      SELECT kind, id, email, 1, now() + $2 * interval '1 second' FROM (
        (SELECT 'user' AS kind, u.id, u.email, u.created_at FROM users u
          LEFT JOIN customer_orders o ON o.account_kind = 'user' AND o.account_id = u.id
          WHERE u.stripe_customer_id IS NULL AND coalesce(o.next_attempt_at <= now(), true)
          ORDER BY u.created_at, u.id LIMIT $1)
        UNION ALL
        (SELECT 'tenant', t.id, NULL, t.created_at FROM tenants t
          LEFT JOIN customer_orders o ON o.account_kind = 'tenant' AND o.account_id = t.id
          WHERE t.stripe_customer_id IS NULL AND coalesce(o.next_attempt_at <= now(), true)
          ORDER BY t.created_at, t.id LIMIT $1)) AS waiting
      ORDER BY created_at, kind, id LIMIT $1
      ON CONFLICT (account_kind, account_id) DO UPDATE
      SET attempts = held.attempts + 1, next_attempt_at = excluded.next_attempt_at,
        email = CASE WHEN held.attempts = 0 THEN excluded.email ELSE held.email END, updated_at = now()
      WHERE held.next_attempt_at <= now()
      RETURNING account_kind, account_id, email, number, attempts
      """, [.int(Int64(limit)), .int(leaseSeconds)])
    return try rows.map(Self.order)
  }

  /// See ``CustomerQueue/customerOrder(for:)``.
  package func customerOrder(for account: AccountID) async throws(StoreError) -> CustomerOrder {
    let email = account.kind == .user ? "email" : "NULL"
    let rows = try await pool.query(
      """
      INSERT INTO customer_orders AS held (account_kind, account_id, email, attempts, next_attempt_at)
      SELECT $1, id, \(email), 1, now() + interval '1 minute' FROM \(Self.table(account)) WHERE id = $2
      ON CONFLICT (account_kind, account_id) DO UPDATE
      SET attempts = held.attempts + 1, updated_at = now(),
        email = CASE WHEN held.attempts = 0 THEN excluded.email ELSE held.email END
      RETURNING account_kind, account_id, email, number, attempts
      """, [.text(account.kind.rawValue), .text(account.id)])
    guard let row = rows.first else { throw .notFound("such \(account.kind.rawValue)") }
    return try Self.order(row)
  }

  /// See ``CustomerQueue/finishCustomerOrder(_:customer:)``.
  package func finishCustomerOrder(
    _ account: AccountID, customer: String
  ) async throws(StoreError) -> String {
    try await pool.transaction { (transaction) async throws(StoreError) -> String in
      try await transaction.lock(account)
      let billing = PostgresBillingTransaction(transaction: transaction)
      try await billing.perform(
        .linkCustomer(account, customer: customer), reason: "made for the account")
      // Whoever takes the customer away by hand doesn't want another one made behind his back.
      _ = try await transaction.query(
        """
        UPDATE customer_orders SET next_attempt_at = 'infinity', last_error = NULL, updated_at = now()
        WHERE account_kind = $1 AND account_id = $2
        """, [.text(account.kind.rawValue), .text(account.id)])
      let rows = try await transaction.query(
        "SELECT stripe_customer_id FROM \(Self.table(account)) WHERE id = $1", [.text(account.id)])
      return rows.first?.string("stripe_customer_id") ?? customer
    }
  }

  /// See ``CustomerQueue/postponeCustomerOrder(_:seconds:error:)``.
  package func postponeCustomerOrder(
    _ account: AccountID, seconds: Int64, error: String
  ) async throws(StoreError) {
    _ = try await pool.query(
      """
      UPDATE customer_orders SET last_error = $4, updated_at = now(), next_attempt_at =
        now() + least($3 * power(2, least(attempts, 20)), 86400) * interval '1 second'
      WHERE account_kind = $1 AND account_id = $2 AND next_attempt_at < 'infinity'
      """, [.text(account.kind.rawValue), .text(account.id), .int(seconds), .text(error)])
  }

  private static func table(_ account: AccountID) -> String { account.kind == .user ? "users" : "tenants" }

  private static func order(_ row: PostgresRow) throws(StoreError) -> CustomerOrder {
    let kind = AccountID.Kind(rawValue: try row.need("account_kind") { $0.string }) ?? .user
    return CustomerOrder(
      account: AccountID(kind, try row.need("account_id") { $0.string }), email: row.string("email"),
      number: try row.need("number") { $0.int }, isRepeated: (row.int("attempts") ?? 1) > 1)
  }
}
