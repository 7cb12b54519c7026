import Gate

/// Actions of several events that one statement does for all of them, as the values of its rows.
struct BillingSets {
  var subscriptions: [[PostgresValue]] = []
  var paidInvoices: [[PostgresValue]] = []
  var payments: [[PostgresValue]] = []
  var grants: [[PostgresValue]] = []
  var invoices: [[PostgresValue]] = []

  /// False for an action that goes by itself.
  @discardableResult
  mutating func add(_ action: BillingAction, reason: String) -> Bool {
    switch action {
    case .saveSubscription(let row): subscriptions.append(SubscriptionRow.values(row, reason: reason))
    case .noteInvoicePaid(let invoice, let subscription, let payments):
      paidInvoices.append([.text(invoice), .text(subscription)])
      add(payments: payments, source: "invoice", reference: invoice)
    case .notePayments(let invoice, let payments):
      add(payments: payments, source: "invoice", reference: invoice)
    case .recordInvoice(let record): invoices.append(InvoiceRow.values(record))
    case .grantPeriod(let grant): grants.append(PeriodGrantRow.values(grant, reason: reason))
    default: return false
    }
    return true
  }

  mutating func add(payments names: [String], source: String, reference: String) {
    payments += names.map { [.text($0), .text(source), .text(reference)] }
  }
}

extension PostgresBillingTransaction {
  func perform(_ changes: [BillingChange]) async throws(StoreError) {
    // What one event leads to is written in its order; of several events the first actions, then the second
    // ones, and so on, those of a kind in one statement.
    for step in 0..<(changes.map(\.actions.count).max() ?? 0) {
      var sets = BillingSets()
      for change in changes where step < change.actions.count {
        let action = change.actions[step]
        if !sets.add(action, reason: change.reason) { try await perform(action, reason: change.reason) }
      }
      try await write(sets)
    }
  }

  func write(_ sets: BillingSets) async throws(StoreError) {
    for (sql, rows) in [
      (SubscriptionRow.save, sets.subscriptions), (Self.notePaid, sets.paidInvoices),
      (Self.notePayments, sets.payments), (PeriodGrantRow.add, sets.grants), (InvoiceRow.save, sets.invoices),
    ] where !rows.isEmpty {
      _ = try await transaction.query(sql, PostgresValue.columns(rows))
    }
  }

  private static let notePaid = """
    INSERT INTO paid_invoices (invoice_id, subscription_id)
    SELECT invoice, subscription FROM unnest($1::text[], $2::text[]) AS paid (invoice, subscription)
    ORDER BY invoice ON CONFLICT DO NOTHING
    """

  private static let notePayments = """
    INSERT INTO payment_purchases (payment_id, source, source_reference)
    SELECT DISTINCT payment, source, reference
    FROM unnest($1::text[], $2::text[], $3::text[]) AS payment (payment, source, reference)
    ORDER BY payment, source, reference ON CONFLICT DO NOTHING
    """
}

/// `grants` of paid periods.
enum PeriodGrantRow {
  /// Adds those that no payment has made yet, each in the place of the earlier ones of its subscription.
  static let add = """
    WITH given AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[],
        $6::timestamptz[], $7::text[], $8::text[], $9::boolean[], $10::text[]) AS row (account_kind, account_id,
        tokens, period_start, period_end, expires_at, invoice, subscription_id, is_trial, reason)),
    granted AS (
      INSERT INTO grants (account_kind, account_id, kind, tokens, period_start, period_end, expires_at, source,
        source_reference, subscription_id, is_trial)
      SELECT account_kind, account_id, 'period', tokens, period_start, period_end, expires_at, 'invoice',
        invoice, subscription_id, is_trial
      FROM given ORDER BY subscription_id, period_start
      ON CONFLICT (subscription_id, period_start) WHERE kind = 'period' DO NOTHING
      RETURNING account_kind, account_id, series, number, kind, tokens, subscription_id, period_start),
    superseded AS (
      UPDATE grants AS earlier SET revoked_at = coalesce(revoked_at, now()), revoked_reason = 'superseded'
      FROM granted
      WHERE earlier.kind = 'period' AND earlier.subscription_id = granted.subscription_id
        AND earlier.period_start < granted.period_start
        AND (earlier.revoked_at IS NULL OR earlier.revoked_reason = 'suspended'))
    INSERT INTO audit_log (actor, action, subject, after, reason)
    SELECT 'stripe', 'budget.reset', granted.account_kind || ':' || granted.account_id, jsonb_build_object(
      'grant', 'grt_' || series || number, 'kind', kind, 'tokens', granted.tokens), reason
    FROM granted JOIN given USING (subscription_id, period_start)
    """

  static func values(_ grant: NewPeriodGrant, reason: String) -> [PostgresValue] {
    [
      .text(grant.account.kind.rawValue), .text(grant.account.id), .int(grant.tokens),
      .instant(grant.periodStart), .instant(grant.periodEnd), .instant(grant.expiresAt),
      .text(orNull: grant.invoice), .text(grant.subscription), .bool(grant.isTrial), .text(reason),
    ]
  }
}

/// `billing_invoices`: the payment history.
enum InvoiceRow {
  /// An older word may come later: open, given up, void, paid is the only direction.
  static let save = """
    INSERT INTO billing_invoices AS held (id, account_kind, account_id, stripe_customer_id,
      stripe_subscription_id, number, status, currency, amount_due, amount_paid, created_at, period_start,
      period_end, hosted_url, pdf_url)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::text[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
      $14::text[], $15::text[]) AS row (id) ORDER BY id
    ON CONFLICT (id) DO UPDATE SET account_kind = excluded.account_kind,
      account_id = excluded.account_id, stripe_customer_id = excluded.stripe_customer_id,
      stripe_subscription_id = excluded.stripe_subscription_id,
      number = coalesce(excluded.number, held.number), status = excluded.status,
      currency = excluded.currency, amount_due = excluded.amount_due,
      amount_paid = greatest(excluded.amount_paid, held.amount_paid),
      created_at = coalesce(excluded.created_at, held.created_at),
      period_start = coalesce(excluded.period_start, held.period_start),
      period_end = coalesce(excluded.period_end, held.period_end),
      hosted_url = coalesce(excluded.hosted_url, held.hosted_url),
      pdf_url = coalesce(excluded.pdf_url, held.pdf_url), updated_at = now()
    WHERE coalesce(array_position(ARRAY['uncollectible', 'void', 'paid'], excluded.status), 0)
      >= coalesce(array_position(ARRAY['uncollectible', 'void', 'paid'], held.status), 0)
    """

  static func values(_ record: InvoiceRecord) -> [PostgresValue] {
    let summary = record.summary
    return [
      .text(record.id), .text(record.account.kind.rawValue), .text(record.account.id),
      .text(orNull: record.customer), .text(orNull: record.subscription), .text(orNull: summary.number),
      .text(orNull: summary.status), .text(orNull: summary.currency), .int(summary.amountDue),
      .int(summary.amountPaid), .instant(orNull: summary.createdAt), .instant(orNull: summary.periodStart),
      .instant(orNull: summary.periodEnd), .text(orNull: summary.hostedURL), .text(orNull: summary.pdfURL),
    ]
  }
}
