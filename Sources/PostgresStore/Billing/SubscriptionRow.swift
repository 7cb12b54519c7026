import Gate

/// `subscriptions`, read and written.
enum SubscriptionRow {
  /// The column that names an account of this kind.
  static func column(_ kind: AccountID.Kind) -> String {
    switch kind {
    case .user: "user_id"
    case .tenant: "tenant_id"
    }
  }

  static func read(_ row: PostgresRow) throws(StoreError) -> StoredSubscription {
    let account =
      row.string("user_id").map { AccountID.user($0) }
      ?? row.string("tenant_id").map { AccountID.tenant($0) }
    return StoredSubscription(
      id: try row.need("stripe_subscription_id") { $0.string },
      customer: row.string("stripe_customer_id"), account: account, plan: row.string("plan"),
      price: row.string("price_id"), status: try row.need("status") { $0.string },
      seats: row.int("seats") ?? 1, currentPeriodStart: row.instant("current_period_start"),
      currentPeriodEnd: row.instant("current_period_end"),
      cancelAtPeriodEnd: row.bool("cancel_at_period_end") ?? false, cancelAt: row.instant("cancel_at"),
      trialEnd: row.instant("trial_end"), latestInvoice: row.string("latest_invoice_id"),
      pastDueSince: row.instant("past_due_since"))
  }

  /// Inserts or replaces rows, with an audit line for each that people would call changed. Its parameters are the
  /// columns of ``values(_:reason:)``.
  static let save = """
    WITH given AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::timestamptz[],
        $13::timestamptz[], $14::text[], $15::timestamptz[], $16::text[], $17::text[]) AS row (id, customer,
        user_id, tenant_id, plan, price_id, status, seats, period_start, period_end, cancel_at_period_end,
        cancel_at, trial_end, latest_invoice, past_due_since, subject, reason)),
    held AS (
      SELECT stripe_subscription_id AS id, \(state) FROM subscriptions
      WHERE stripe_subscription_id = ANY ($1)),
    saved AS (
      INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, user_id, tenant_id, plan,
        price_id, status, seats, current_period_start, current_period_end, cancel_at_period_end, cancel_at,
        trial_end, latest_invoice_id, past_due_since)
      SELECT id, customer, user_id, tenant_id, plan, price_id, status, seats, period_start, period_end,
        cancel_at_period_end, cancel_at, trial_end, latest_invoice, past_due_since
      FROM given ORDER BY id
      ON CONFLICT (stripe_subscription_id) DO UPDATE SET
        stripe_customer_id = excluded.stripe_customer_id, user_id = excluded.user_id,
        tenant_id = excluded.tenant_id, plan = excluded.plan, price_id = excluded.price_id,
        status = excluded.status, seats = excluded.seats,
        current_period_start = excluded.current_period_start,
        current_period_end = excluded.current_period_end,
        cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at,
        trial_end = excluded.trial_end, latest_invoice_id = excluded.latest_invoice_id,
        past_due_since = excluded.past_due_since, updated_at = now()
      RETURNING stripe_subscription_id AS id, \(state))
    INSERT INTO audit_log (actor, action, subject, before, after, reason)
    SELECT 'stripe', 'subscription.change', subject, held.state || jsonb_build_object('subscription', id),
      saved.state || jsonb_build_object('subscription', id), reason
    FROM saved JOIN given USING (id) LEFT JOIN held USING (id) WHERE saved.state IS DISTINCT FROM held.state
    """

  /// What people would call a change of it.
  private static let state = """
    jsonb_build_object('plan', plan, 'status', status, 'seats', seats, 'cancel_at', cancel_at,
      'cancel_at_period_end', cancel_at_period_end) AS state
    """

  static func values(_ row: StoredSubscription, reason: String) -> [PostgresValue] {
    [
      .text(row.id), .text(orNull: row.customer),
      .text(orNull: row.account?.kind == .user ? row.account?.id : nil),
      .text(orNull: row.account?.kind == .tenant ? row.account?.id : nil), .text(orNull: row.plan),
      .text(orNull: row.price), .text(row.status), .int(row.seats),
      .instant(orNull: row.currentPeriodStart), .instant(orNull: row.currentPeriodEnd),
      .bool(row.cancelAtPeriodEnd), .instant(orNull: row.cancelAt), .instant(orNull: row.trialEnd),
      .text(orNull: row.latestInvoice), .instant(orNull: row.pastDueSince),
      .text(row.account?.description ?? "subscription:\(row.id)"), .text(reason),
    ]
  }
}
