import Gate

extension PostgresBillingTransaction {
  func perform(_ actions: [BillingAction], reason: String) async throws(StoreError) {
    for action in actions { try await perform(action, reason: reason) }
  }

  private func perform(_ action: BillingAction, reason: String) async throws(StoreError) {
    switch action {
    case .saveSubscription(let row):
      _ = try await transaction.query(SubscriptionRow.save, SubscriptionRow.values(row))
    case .noteInvoicePaid(let invoice, let subscription, let payments):
      _ = try await transaction.query(
        "INSERT INTO paid_invoices (invoice_id, subscription_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [.text(invoice), .text(subscription)])
      try await note(payments: payments, source: "invoice", reference: invoice)
    case .grantPeriod(let grant): try await grantPeriod(grant, reason: reason)
    case .setGrantTokens(let number, let tokens, let isTrial):
      let rows = try await transaction.query(
        """
        UPDATE grants SET tokens = $2, is_trial = $3 WHERE series = 'g' AND number = $1
        RETURNING \(Self.grantColumns)
        """, [.int(number), .int(tokens), .bool(isTrial)])
      try await audit("grant.change", rows, reason: reason)
    case .suspendGrants(let subscription):
      let rows = try await transaction.query(
        """
        UPDATE grants SET revoked_at = now(), revoked_reason = 'suspended'
        WHERE kind = 'period' AND subscription_id = $1 AND revoked_at IS NULL RETURNING \(Self.grantColumns)
        """, [.text(subscription)])
      try await audit("grant.suspend", rows, reason: reason)
    case .restoreGrant(let number):
      let rows = try await transaction.query(
        """
        UPDATE grants SET revoked_at = NULL, revoked_reason = NULL
        WHERE series = 'g' AND number = $1 AND revoked_reason = 'suspended' RETURNING \(Self.grantColumns)
        """, [.int(number)])
      try await audit("grant.restore", rows, reason: reason)
    case .detachGrants(let subscription):
      let rows = try await transaction.query(
        """
        UPDATE grants SET revoked_at = coalesce(revoked_at, now()), subscription_id = NULL
        WHERE subscription_id = $1 RETURNING \(Self.grantColumns)
        """, [.text(subscription)])
      try await audit("grant.revoke", rows, reason: reason)
    case .setPlan(let account, let plan): try await setPlan(account, plan, reason: reason)
    case .linkCustomer(let account, let customer):
      _ = try await transaction.query(
        """
        UPDATE \(Self.table(account)) SET stripe_customer_id = $2
        WHERE id = $1 AND stripe_customer_id IS NULL
        """, [.text(account.id), .text(customer)])
    case .unlinkCustomer(let customer):
      for table in ["users", "tenants"] {
        _ = try await transaction.query(
          "UPDATE \(table) SET stripe_customer_id = NULL WHERE stripe_customer_id = $1", [.text(customer)])
      }
    case .grantTopUp(let topUp): try await grantTopUp(topUp, reason: reason)
    case .takeBack(let purchase, let why):
      let rows = try await transaction.query(
        """
        UPDATE grants SET revoked_at = coalesce(revoked_at, now()), revoked_reason = 'refunded'
        WHERE source = $1 AND source_reference = $2 AND revoked_reason IS DISTINCT FROM 'refunded'
        RETURNING \(Self.grantColumns)
        """, [.text(purchase.source), .text(purchase.reference)])
      try await audit("grant.\(why)", rows, reason: reason)
    }
  }

  private static let grantColumns = "account_kind, account_id, series, number, kind, tokens"

  private static func table(_ account: AccountID) -> String { account.kind == .user ? "users" : "tenants" }

  private func grantPeriod(_ grant: NewPeriodGrant, reason: String) async throws(StoreError) {
    let rows = try await transaction.query(
      """
      INSERT INTO grants (account_kind, account_id, kind, tokens, period_start, period_end, expires_at,
        source, source_reference, subscription_id, is_trial)
      VALUES ($1, $2, 'period', $3, $4, $5, $6, 'invoice', $7, $8, $9)
      ON CONFLICT (subscription_id, period_start) WHERE kind = 'period' DO NOTHING
      RETURNING \(Self.grantColumns)
      """,
      [
        .text(grant.account.kind.rawValue), .text(grant.account.id), .int(grant.tokens),
        .instant(grant.periodStart), .instant(grant.periodEnd), .instant(grant.expiresAt),
        .text(orNull: grant.invoice), .text(grant.subscription), .bool(grant.isTrial),
      ])
    guard rows.count > 0 else { return }
    try await audit("budget.reset", rows, reason: reason)
    _ = try await transaction.query(
      """
      UPDATE grants SET revoked_at = coalesce(revoked_at, now()), revoked_reason = 'superseded'
      WHERE kind = 'period' AND subscription_id = $1 AND period_start < $2
        AND (revoked_at IS NULL OR revoked_reason = 'suspended')
      """, [.text(grant.subscription), .instant(grant.periodStart)])
  }

  /// Once per session, whoever it is for by now; the session's lock is held.
  private func grantTopUp(_ topUp: NewTopUp, reason: String) async throws(StoreError) {
    let rows = try await transaction.query(
      """
      INSERT INTO grants (account_kind, account_id, kind, tokens, expires_at, source, source_reference,
        idempotency_key)
      SELECT $1, $2, 'topup', $3, $4::timestamptz, 'checkout', $5, 'stripe:' || $5
      WHERE NOT EXISTS (SELECT FROM grants WHERE source = 'checkout' AND source_reference = $5)
      RETURNING \(Self.grantColumns)
      """,
      [
        .text(topUp.account.kind.rawValue), .text(topUp.account.id), .int(topUp.tokens),
        .instant(orNull: topUp.expiresAt), .text(topUp.session),
      ])
    try await audit("grant.add", rows, reason: reason)
    try await note(payments: topUp.payments, source: "checkout", reference: topUp.session)
  }

  private func note(payments: [String], source: String, reference: String) async throws(StoreError) {
    guard !payments.isEmpty else { return }
    _ = try await transaction.query(
      """
      INSERT INTO payment_purchases (payment_id, source, source_reference)
      SELECT DISTINCT payment, $2, $3 FROM unnest($1::text[]) AS payment ON CONFLICT DO NOTHING
      """, [.textArray(payments), .text(source), .text(reference)])
  }

  private func setPlan(_ account: AccountID, _ plan: String?, reason: String) async throws(StoreError) {
    _ = try await transaction.query(
      """
      WITH held AS (SELECT id, plan FROM \(Self.table(account)) WHERE id = $1),
        changed AS (UPDATE \(Self.table(account)) SET plan = $2 WHERE id = $1 RETURNING id)
      INSERT INTO audit_log (actor, action, subject, before, after, reason)
      SELECT 'stripe', 'plan.change', $3, jsonb_build_object('plan', held.plan),
        jsonb_build_object('plan', $2::text), $4
      FROM held JOIN changed USING (id)
      """, [.text(account.id), .text(orNull: plan), .text(account.description), .text(reason)])
  }

  private func audit(_ action: String, _ grants: PostgresRows, reason: String) async throws(StoreError) {
    for row in 0..<grants.count {
      _ = try await transaction.query(
        """
        INSERT INTO audit_log (actor, action, subject, after, reason)
        VALUES ('stripe', $1, $2,
          jsonb_build_object('grant', $3::text, 'kind', $4::text, 'tokens', $5::bigint), $6)
        """,
        [
          .text(action),
          .text("\(grants.string(row, "account_kind") ?? ""):\(grants.string(row, "account_id") ?? "")"),
          .text("grt_\(grants.string(row, "series") ?? "g")\(grants.string(row, "number") ?? "")"),
          .text(orNull: grants.string(row, "kind")), .int(orNull: grants.int(row, "tokens")), .text(reason),
        ])
    }
  }
}
