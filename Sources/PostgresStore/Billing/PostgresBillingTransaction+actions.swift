import Gate

extension PostgresBillingTransaction {
  /// One action of its own; what payments bring with them goes by the set (``BillingSets``).
  func perform(_ action: BillingAction, reason: String) async throws(StoreError) {
    switch action {
    case .saveSubscription, .noteInvoicePaid, .notePayments, .recordInvoice, .grantPeriod:
      var sets = BillingSets()
      sets.add(action, reason: reason)
      try await write(sets)
    case .note(let account, let action, let about):
      let pairs = about.sorted { $0.key < $1.key }
      _ = try await transaction.query(
        """
        INSERT INTO audit_log (actor, action, subject, after, reason)
        VALUES ('stripe', $1, $2, jsonb_object($3::text[], $4::text[]), $5)
        """,
        [
          .text(action), .text(account.description), .textArray(pairs.map(\.key)),
          .textArray(pairs.map(\.value)), .text(reason),
        ])
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
    case .letSpeak(let account, let subscription, let now):
      try await letSpeak(account, subscription: subscription, now: now, reason: reason)
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
        WITH linked AS (
          UPDATE \(Self.table(account)) SET stripe_customer_id = $2
          WHERE id = $1 AND stripe_customer_id IS NULL RETURNING id)
        INSERT INTO audit_log (actor, action, subject, after, reason)
        SELECT 'stripe', 'customer.link', $3, jsonb_build_object('customer', $2::text), $4 FROM linked
        """, [.text(account.id), .text(customer), .text(account.description), .text(reason)])
    case .unlinkCustomer(let customer):
      for kind in [AccountID.Kind.user, .tenant] {
        try await unlink(customer, from: kind, reason: reason)
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

  /// The account is left without one: the next one is asked for by a checkout, under another number.
  private func unlink(
    _ customer: String, from kind: AccountID.Kind, reason: String
  ) async throws(StoreError) {
    _ = try await transaction.query(
      """
      WITH unlinked AS (
        UPDATE \(kind == .user ? "users" : "tenants") SET stripe_customer_id = NULL
        WHERE stripe_customer_id = $1 RETURNING id),
      stopped AS (
        INSERT INTO customer_orders AS held (account_kind, account_id, number, next_attempt_at)
        SELECT $2, id, 2, 'infinity' FROM unlinked
        ON CONFLICT (account_kind, account_id) DO UPDATE
        SET number = held.number + 1, attempts = 0, email = NULL, next_attempt_at = 'infinity')
      INSERT INTO audit_log (actor, action, subject, before, reason)
      SELECT 'stripe', 'customer.unlink', $2 || ':' || id, jsonb_build_object('customer', $1::text), $3
      FROM unlinked
      """, [.text(customer), .text(kind.rawValue), .text(reason)])
  }

  /// The others' grants come back when they speak again: they are suspended, not superseded.
  private func letSpeak(
    _ account: AccountID, subscription: String, now: Instant, reason: String
  ) async throws(StoreError) {
    let whose: [PostgresValue] = [.text(account.kind.rawValue), .text(account.id), .text(subscription)]
    let silenced = try await transaction.query(
      """
      UPDATE grants SET revoked_at = now(), revoked_reason = 'suspended'
      WHERE account_kind = $1 AND account_id = $2 AND kind = 'period' AND subscription_id <> $3
        AND revoked_at IS NULL RETURNING \(Self.grantColumns)
      """, whose)
    try await audit("grant.suspend", silenced, reason: reason)
    let restored = try await transaction.query(
      """
      UPDATE grants SET revoked_at = NULL, revoked_reason = NULL
      WHERE account_kind = $1 AND account_id = $2 AND kind = 'period' AND subscription_id = $3
        AND revoked_reason = 'suspended' AND expires_at > $4 AND period_start = (
          SELECT max(period_start) FROM grants WHERE kind = 'period' AND subscription_id = $3)
      RETURNING \(Self.grantColumns)
      """, whose + [.instant(now)])
    try await audit("grant.restore", restored, reason: reason)
  }

  private static let grantColumns = "account_kind, account_id, series, number, kind, tokens"

  private static func table(_ account: AccountID) -> String { account.kind == .user ? "users" : "tenants" }

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
    var sets = BillingSets()
    sets.add(payments: topUp.payments, source: "checkout", reference: topUp.session)
    try await write(sets)
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
