import Gate

extension PostgresBillingTransaction {
  func facts(_ question: BillingQuestion) async throws(StoreError) -> BillingFacts {
    var facts = BillingFacts()
    if let id = question.subscription {
      let rows = try await transaction.query(
        "SELECT * FROM subscriptions WHERE stripe_subscription_id = $1 FOR UPDATE", [.text(id)])
      facts.subscription = try rows.map(SubscriptionRow.read).first
      facts.grants = try await grants(subscription: id)
    }
    let owner = try await owner(question.owner)
    let stored = facts.subscription?.account
    let former = stored == owner ? nil : stored
    // Two are locked in the order in which the triggers lock; of one its reading does it.
    if former != nil { try await lockRows([owner, former]) }
    facts.owner = try await account(owner, beside: question.subscription)
    facts.formerOwner = try await account(former, beside: question.subscription)
    if !question.prices.isEmpty || !question.invoices.isEmpty {
      let rows = try await transaction.query(
        """
        SELECT price_id, plan FROM plan_price_map WHERE price_id = ANY ($1)
        UNION ALL SELECT invoice_id, NULL FROM paid_invoices WHERE invoice_id = ANY ($2)
        """, [.textArray(question.prices), .textArray(question.invoices)])
      for row in 0..<rows.count {
        guard let key = rows.string(row, 0) else { continue }
        if let plan = rows.string(row, 1) {
          facts.plans[key] = plan
        } else {
          facts.paidInvoices.insert(key)
        }
      }
    }
    if !question.payments.isEmpty {
      facts.purchases = try await purchases(question.payments)
      let known = try await transaction.query(
        """
        SELECT reference, EXISTS (SELECT FROM paid_invoices WHERE invoice_id = reference) AS is_paid FROM (
          SELECT source_reference AS reference FROM payment_purchases
          WHERE payment_id = ANY ($1) AND source = 'invoice'
          UNION SELECT unnest($1::text[])) AS named
        """, [.textArray(question.payments)])
      for row in 0..<known.count {
        guard let reference = known.string(row, "reference") else { continue }
        if !question.payments.contains(reference) { facts.paidFor.append(reference) }
        if known[row].bool("is_paid") == true { facts.isPaymentKnown = true }
      }
    }
    return facts
  }

  /// The first clue that fits an account that exists.
  private func owner(_ clues: [OwnerClue]) async throws(StoreError) -> AccountID? {
    for clue in clues {
      if let account = try await owner(clue) { return account }
    }
    return nil
  }

  private func owner(_ clue: OwnerClue) async throws(StoreError) -> AccountID? {
    let (sql, value) =
      switch clue {
      case .user(let id): ("SELECT 'user' AS kind, id FROM users WHERE id = $1", id)
      case .tenant(let id): ("SELECT 'tenant' AS kind, id FROM tenants WHERE id = $1", id)
      case .reference(let id):
        (
          """
          SELECT 'user' AS kind, id, 1 AS place FROM users WHERE id = $1
          UNION ALL SELECT 'tenant', id, 2 FROM tenants WHERE id = $1 ORDER BY place LIMIT 1
          """, id
        )
      case .subscription(let id): (Self.ownerOfSubscription("stripe_subscription_id"), id)
      case .customer(let id): (Self.ownerOfCustomer, id)
      case .email(let email):
        ("SELECT 'user' AS kind, id FROM users WHERE lower(email) = lower($1) LIMIT 2", email)
      }
    let rows = try await transaction.query(sql, [.text(value)])
    // Two that fit are as good as none: money is not given to whoever comes first.
    guard rows.count == 1, let id = rows.string(0, "id"),
      let kind = rows.string(0, "kind").flatMap({ AccountID.Kind(rawValue: $0) })
    else { return nil }
    return AccountID(kind, id)
  }

  /// The account that a mirror row names, if it is still there.
  private static func ownerOfSubscription(_ column: String) -> String {
    """
    SELECT DISTINCT CASE WHEN u.id IS NULL THEN 'tenant' ELSE 'user' END AS kind, coalesce(u.id, t.id) AS id
    FROM subscriptions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN tenants t ON t.id = s.tenant_id
    WHERE s.\(column) = $1 AND coalesce(u.id, t.id) IS NOT NULL LIMIT 2
    """
  }

  /// Who has the customer; of a user and a tenant with the same one, the tenant, for whose seats one pays.
  private static let ownerOfCustomer = """
    WITH fits AS (
      SELECT 1 AS place, 'tenant' AS kind, id FROM tenants WHERE stripe_customer_id = $1
      UNION ALL SELECT 2, 'user', id FROM users WHERE stripe_customer_id = $1
      UNION ALL SELECT 3, kind, id FROM (\(ownerOfSubscription("stripe_customer_id"))) AS mirrored)
    SELECT kind, id FROM fits WHERE place = (SELECT min(place) FROM fits) LIMIT 2
    """

  /// In the order in which the triggers lock, so that no two transactions wait for each other.
  private func lockRows(_ accounts: [AccountID?]) async throws(StoreError) {
    for (kind, table) in [(AccountID.Kind.user, "users"), (.tenant, "tenants")] {
      let ids = accounts.compactMap { $0 }.filter { $0.kind == kind }.map(\.id)
      guard !ids.isEmpty else { continue }
      _ = try await transaction.query(
        "SELECT id FROM \(table) WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", [.textArray(ids)])
    }
  }

  private func account(
    _ id: AccountID?, beside subscription: String?
  ) async throws(StoreError) -> BillingAccount? {
    guard let id else { return nil }
    let table = id.kind == .user ? "users" : "tenants"
    let rows = try await transaction.query(
      "SELECT plan, stripe_customer_id FROM \(table) WHERE id = $1 FOR NO KEY UPDATE", [.text(id.id)])
    guard let row = rows.first else { return nil }
    let others = try await transaction.query(
      """
      SELECT * FROM subscriptions WHERE \(SubscriptionRow.column(id.kind)) = $1
        AND stripe_subscription_id IS DISTINCT FROM $2
      """, [.text(id.id), .text(orNull: subscription)])
    return BillingAccount(
      account: id, plan: row.string("plan"), customer: row.string("stripe_customer_id"),
      otherSubscriptions: try others.map(SubscriptionRow.read))
  }

  private func grants(subscription: String) async throws(StoreError) -> [StoredPeriodGrant] {
    let rows = try await transaction.query(
      """
      SELECT number, account_kind, account_id, tokens, period_start, period_end, expires_at, is_trial,
        source_reference, revoked_at, revoked_reason
      FROM grants WHERE kind = 'period' AND subscription_id = $1 AND period_start IS NOT NULL
      ORDER BY period_start DESC LIMIT 24
      """, [.text(subscription)])
    return try rows.map { (row) throws(StoreError) in
      let revocation = row.instant("revoked_at").map { _ in
        row.string("revoked_reason").flatMap { StoredPeriodGrant.Revocation(rawValue: $0) } ?? .other
      }
      let kind = AccountID.Kind(rawValue: try row.need("account_kind") { $0.string }) ?? .user
      return StoredPeriodGrant(
        number: try row.need("number") { $0.int },
        account: AccountID(kind, try row.need("account_id") { $0.string }),
        tokens: try row.need("tokens") { $0.int }, periodStart: try row.need("period_start") { $0.instant },
        periodEnd: row.instant("period_end"), expiresAt: row.instant("expires_at"),
        isTrial: row.bool("is_trial") ?? false, invoice: row.string("source_reference"),
        revocation: revocation)
    }
  }

  private func purchases(_ payments: [String]) async throws(StoreError) -> [BillingFacts.Purchase] {
    let rows = try await transaction.query(
      """
      SELECT DISTINCT source, source_reference, account_kind, account_id FROM grants
      WHERE source IN ('invoice', 'checkout') AND (source_reference = ANY ($1)
        OR (source, source_reference) IN (
          SELECT source, source_reference FROM payment_purchases WHERE payment_id = ANY ($1)))
      """, [.textArray(payments)])
    return try rows.map { (row) throws(StoreError) in
      let kind = AccountID.Kind(rawValue: try row.need("account_kind") { $0.string }) ?? .user
      return BillingFacts.Purchase(
        source: try row.need("source") { $0.string },
        reference: try row.need("source_reference") { $0.string },
        account: AccountID(kind, try row.need("account_id") { $0.string }))
    }
  }
}
