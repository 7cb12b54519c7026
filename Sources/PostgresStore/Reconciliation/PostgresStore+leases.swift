package import Gate

extension PostgresStore {
  /// Takes or keeps the lease of work that one gate does for all; false while another holder has it.
  package func lease(_ name: String, holder: String, seconds: Int64) async throws(StoreError) -> Bool {
    let rows = try await pool.query(
      """
      INSERT INTO leases AS l (name, holder, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')
      ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
      WHERE l.holder = excluded.holder OR l.expires_at < now()
      RETURNING holder
      """, [.text(name), .text(holder), .int(seconds)])
    return rows.count == 1
  }

  /// Gives a lease back, so that the next holder need not wait for its end.
  package func release(lease name: String, holder: String) async throws(StoreError) {
    _ = try await pool.query(
      "DELETE FROM leases WHERE name = $1 AND holder = $2", [.text(name), .text(holder)])
  }

  /// Accounts with entries after `moment`, in the order of their first one, at most `limit`; and where the next call
  /// goes on. Both users and their tenants.
  package func accountsInUse(
    after moment: Instant, limit: Int
  ) async throws(StoreError) -> (places: [AccountPlace], next: Instant?) {
    let rows = try await pool.query(
      """
      SELECT user_id, tenant_id, min(at) AS first, max(at) AS last FROM (
        SELECT user_id, tenant_id, at FROM ledger WHERE at > $1 ORDER BY at LIMIT $2) AS recent
      GROUP BY 1, 2 ORDER BY 3
      """, [.instant(moment), .int(Int64(limit))])
    var places: [AccountPlace] = []
    var next: Instant?
    for index in 0..<rows.count {
      if let user = rows.string(index, "user_id") {
        places.append(AccountPlace(.user(user), tenant: rows.string(index, "tenant_id")))
      }
      if let tenant = rows.string(index, "tenant_id") { places.append(AccountPlace(.tenant(tenant))) }
      if let last = rows.instant(index, "last") { next = max(next ?? last, last) }
    }
    var seen: Set<AccountID> = []
    return (places.filter { seen.insert($0.account).inserted }, next)
  }

  /// What the comparisons of all gates have come to.
  package func drift() async throws(StoreError) -> DriftFigures {
    let rows = try await pool.query(
      """
      SELECT (SELECT count(*) FROM drifts) AS open, last_run_at, accounts, drifted, mended FROM reconcile_totals
      """)
    guard let row = rows.first else { throw .internalError("reconcile_totals is empty") }
    return DriftFigures(
      accounts: try row.need("open", PostgresRow.int), lastRunAt: row.instant("last_run_at"),
      compared: try row.need("accounts", PostgresRow.int),
      drifted: try row.need("drifted", PostgresRow.int), mended: try row.need("mended", PostgresRow.int))
  }

  /// The number of users and tenants.
  package func accountsCount() async throws(StoreError) -> Int64 {
    let rows = try await pool.query(
      "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tenants) AS n")
    return rows.int(0, "n") ?? 0
  }
}

/// What is known of drift, over all gates.
package struct DriftFigures: Sendable, Equatable {
  /// Accounts that differ and are not mended.
  package var accounts: Int64
  /// When accounts were last compared; nil: never.
  package var lastRunAt: Instant?
  /// Comparisons so far, and how many of them found a difference, and mended it.
  package var compared: Int64
  package var drifted: Int64
  package var mended: Int64
}
