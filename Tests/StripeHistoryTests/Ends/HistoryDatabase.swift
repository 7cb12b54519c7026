import BillingStores
import Gate
import Logging
import PostgresStore
import TestServers

/// A database that is emptied for each history.
struct HistoryDatabase {
  let store: PostgresBillingStore
  private let pool: PostgresPool

  init() async throws {
    let server = try await PostgresServer.shared()
    var configuration = PostgresConfiguration(url: try await server.makeDatabase())
    configuration.connections = 14
    try await Migrator.migrate(configuration, logger: HistoryBench.logger)
    pool = PostgresPool(configuration: configuration, logger: HistoryBench.logger)
    store = PostgresBillingStore(pool: pool)
    try await store.seedPrices(Shop.plansByPrice)
  }

  func close() async { await pool.close() }

  /// As it is before anything of the history was told.
  func clear(for history: History) async throws {
    // Of so few rows that is cheaper than TRUNCATE, which makes a file for every table and index.
    _ = try await pool.query(
      """
      DO $$ BEGIN
        DELETE FROM grants; DELETE FROM subscriptions; DELETE FROM paid_invoices; DELETE FROM payment_purchases;
        DELETE FROM billing_invoices; DELETE FROM webhook_events_processed; DELETE FROM customer_orders;
        DELETE FROM users; DELETE FROM tenants; DELETE FROM webhook_clues; DELETE FROM outbox;
      END $$
      """)
    for (account, row) in history.blank.accounts {
      let customer: PostgresValue = row.customer.map { .text($0) } ?? .null
      if account.kind == .user {
        let email: PostgresValue = row.email.map { .text($0) } ?? .null
        _ = try await pool.query(
          "INSERT INTO users (id, email, stripe_customer_id) VALUES ($1, $2, $3)",
          [.text(account.id), email, customer])
      } else {
        _ = try await pool.query(
          "INSERT INTO tenants (id, stripe_customer_id) VALUES ($1, $2)", [.text(account.id), customer])
      }
    }
  }

  /// What is in the tables, in the words of every other end.
  func end(now: Instant) async throws -> EndState {
    var lines: Set<String> = []
    let accounts = try await pool.query(
      "SELECT 'user' AS kind, id, plan FROM users UNION ALL SELECT 'tenant', id, plan FROM tenants")
    for row in 0..<accounts.count {
      let kind: AccountID.Kind = accounts.string(row, "kind") == "tenant" ? .tenant : .user
      let account = AccountID(kind, accounts.string(row, "id") ?? "")
      lines.insert(EndState.account(account, plan: accounts.string(row, "plan")))
    }
    let grants = try await periodGrants()
    for subscription in try await subscriptions() {
      lines.insert(EndState.subscription(subscription, isOwing: subscription.pastDueSince != nil))
      let mine = grants[subscription.id] ?? []
      if let line = EndState.latest(mine, of: subscription, now: now) { lines.insert(line) }
    }
    return EndState(
      lines: lines.union(try await packs()).union(try await invoices()).union(try await events()))
  }

  private func subscriptions() async throws -> [StoredSubscription] {
    let rows = try await pool.query("SELECT * FROM subscriptions")
    return (0..<rows.count).map { index in
      let row = rows[index]
      let account =
        row.string("user_id").map { AccountID.user($0) } ?? row.string("tenant_id").map { .tenant($0) }
      return StoredSubscription(
        id: row.string("stripe_subscription_id") ?? "", account: account, plan: row.string("plan"),
        price: row.string("price_id"), status: row.string("status") ?? "", seats: row.int("seats") ?? 0,
        currentPeriodStart: row.instant("current_period_start"),
        currentPeriodEnd: row.instant("current_period_end"),
        cancelAtPeriodEnd: row.bool("cancel_at_period_end") ?? false, cancelAt: row.instant("cancel_at"),
        trialEnd: row.instant("trial_end"), pastDueSince: row.instant("past_due_since"))
    }
  }

  private func periodGrants() async throws -> [String: [StoredPeriodGrant]] {
    let rows = try await pool.query("SELECT * FROM grants WHERE kind = 'period'")
    var grants: [String: [StoredPeriodGrant]] = [:]
    for index in 0..<rows.count {
      let row = rows[index]
      let account = AccountID(
        row.string("account_kind") == "tenant" ? .tenant : .user, row.string("account_id") ?? "")
      let revocation: StoredPeriodGrant.Revocation? =
        row.instant("revoked_at") == nil
        ? nil : StoredPeriodGrant.Revocation(rawValue: row.string("revoked_reason") ?? "") ?? .other
      grants[row.string("subscription_id") ?? "", default: []].append(
        StoredPeriodGrant(
          number: 0, account: account, tokens: row.int("tokens") ?? 0,
          periodStart: row.instant("period_start") ?? Instant(seconds: 0),
          periodEnd: row.instant("period_end"), expiresAt: row.instant("expires_at"),
          isTrial: row.bool("is_trial") ?? false, invoice: row.string("source_reference"),
          revocation: revocation))
    }
    return grants
  }

  private func packs() async throws -> [String] {
    let rows = try await pool.query("SELECT * FROM grants WHERE kind = 'topup' AND revoked_at IS NULL")
    return (0..<rows.count).map { index in
      let row = rows[index]
      let account = AccountID(
        row.string("account_kind") == "tenant" ? .tenant : .user, row.string("account_id") ?? "")
      return EndState.topUp(
        row.string("source_reference") ?? "", account, tokens: row.int("tokens") ?? 0)
    }
  }

  private func invoices() async throws -> [String] {
    let rows = try await pool.query("SELECT * FROM billing_invoices")
    return (0..<rows.count).map { index in
      let row = rows[index]
      let account = AccountID(
        row.string("account_kind") == "tenant" ? .tenant : .user, row.string("account_id") ?? "")
      return EndState.invoice(
        row.string("id") ?? "", account, status: row.string("status"), paid: row.int("amount_paid") ?? 0)
    }
  }

  private func events() async throws -> [String] {
    let rows = try await pool.query("SELECT event_id, type, status FROM webhook_events_processed")
    return (0..<rows.count).map { row in
      EndState.event(
        rows.string(row, "event_id") ?? "", rows.string(row, "type") ?? "", rows.string(row, "status") ?? "")
    }
  }
}
