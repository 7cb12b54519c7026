import Gate

extension PostgresBillingTransaction {
  func facts(_ questions: [BillingQuestion]) async throws(StoreError) -> [BillingFacts] {
    var facts = questions.map { _ in BillingFacts() }
    let ids = Set(questions.compactMap(\.subscription)).sorted()
    if !ids.isEmpty {
      let stored = try await subscriptions(ids)
      let grants = try await grants(subscriptions: ids)
      for (index, question) in questions.enumerated() {
        guard let id = question.subscription else { continue }
        facts[index].subscription = stored[id]
        facts[index].grants = grants[id] ?? []
      }
    }
    let owners = try await owners(questions.map(\.owner))
    let formers = zip(facts, owners).map { facts, owner in
      facts.subscription?.account == owner ? nil : facts.subscription?.account
    }
    let accounts = try await accounts(Set((owners + formers).compactMap { $0 }))
    let (plans, paid) = try await prices(questions.flatMap(\.prices), invoices: questions.flatMap(\.invoices))
    for (index, question) in questions.enumerated() {
      func account(_ id: AccountID?) -> BillingAccount? {
        var account = id.flatMap { accounts[$0] }
        account?.otherSubscriptions.removeAll { $0.id == question.subscription }
        return account
      }
      facts[index].owner = account(owners[index])
      facts[index].formerOwner = account(formers[index])
      for price in question.prices { facts[index].plans[price] = plans[price] }
      facts[index].paidInvoices = paid.intersection(question.invoices)
      if !question.payments.isEmpty { try await addPurchases(question.payments, to: &facts[index]) }
    }
    return facts
  }

  private func addPurchases(_ payments: [String], to facts: inout BillingFacts) async throws(StoreError) {
    let known = try await transaction.query(
      """
      SELECT reference, EXISTS (SELECT FROM paid_invoices WHERE invoice_id = reference) AS is_paid FROM (
        SELECT source_reference AS reference FROM payment_purchases
        WHERE payment_id = ANY ($1) AND source = 'invoice'
        UNION SELECT unnest($1::text[])) AS named
      """, [.textArray(payments)])
    for row in 0..<known.count {
      guard let reference = known.string(row, "reference") else { continue }
      if !payments.contains(reference) { facts.paidFor.append(reference) }
      if known[row].bool("is_paid") == true { facts.isPaymentKnown = true }
    }
    // Last, for nothing locks out the invoice that a charge is of: one that is known to be paid by then has its grants
    // here, and is not taken for one that granted nothing.
    facts.purchases = try await purchases(payments)
  }

  /// The plans of prices, and those of the invoices that are known to be paid.
  private func prices(
    _ prices: [String], invoices: [String]
  ) async throws(StoreError) -> ([String: String], Set<String>) {
    guard !prices.isEmpty || !invoices.isEmpty else { return ([:], []) }
    let rows = try await transaction.query(
      """
      SELECT price_id, plan FROM plan_price_map WHERE price_id = ANY ($1)
      UNION ALL
      SELECT invoice_id, NULL FROM unnest($2::text[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT invoice_id FROM paid_invoices WHERE invoice_id = id LIMIT 1) AS paid
      """, [.textArray(Set(prices).sorted()), .textArray(invoices)])
    var plans: [String: String] = [:]
    var paid: Set<String> = []
    for row in 0..<rows.count {
      guard let key = rows.string(row, 0) else { continue }
      if let plan = rows.string(row, 1) { plans[key] = plan } else { paid.insert(key) }
    }
    return (plans, paid)
  }

  private func subscriptions(_ ids: [String]) async throws(StoreError) -> [String: StoredSubscription] {
    let rows = try await transaction.query(
      """
      SELECT * FROM subscriptions WHERE stripe_subscription_id = ANY ($1)
      ORDER BY stripe_subscription_id FOR UPDATE
      """, [.textArray(ids)])
    return Dictionary(try rows.map(SubscriptionRow.read).map { ($0.id, $0) }) { first, _ in first }
  }

  /// For each list of clues the first one that fits an account that exists.
  private func owners(_ clues: [[OwnerClue]]) async throws(StoreError) -> [AccountID?] {
    var owners = clues.map { _ in AccountID?.none }
    // All first clues, then the second ones of those that did not fit, and so on.
    for place in 0..<(clues.map(\.count).max() ?? 0) {
      let open = clues.indices.filter { owners[$0] == nil && place < clues[$0].count }
      let accounts = try await accounts(fitting: Set(open.map { clues[$0][place] }))
      for index in open { owners[index] = accounts[clues[index][place]] }
    }
    return owners
  }

  private func accounts(fitting clues: Set<OwnerClue>) async throws(StoreError) -> [OwnerClue: AccountID] {
    var found: [OwnerClue: AccountID] = [:]
    for (sql, clues) in Dictionary(grouping: clues, by: Self.search) {
      let values = Dictionary(clues.map { ($0.value, $0) }) { first, _ in first }
      let rows = try await transaction.query(
        """
        SELECT clue.value, fit.kind, fit.id FROM unnest($1::text[]) AS clue (value)
        CROSS JOIN LATERAL (\(sql)) AS fit
        """, [.textArray(values.keys.sorted())])
      var fits: [OwnerClue: [AccountID]] = [:]
      for row in 0..<rows.count {
        guard let clue = rows.string(row, 0).flatMap({ values[$0] }), let id = rows.string(row, 2),
          let kind = rows.string(row, 1).flatMap({ AccountID.Kind(rawValue: $0) })
        else { continue }
        fits[clue, default: []].append(AccountID(kind, id))
      }
      // Two that fit are as good as none: money is not given to whoever comes first.
      for (clue, accounts) in fits where accounts.count == 1 { found[clue] = accounts[0] }
    }
    return found
  }

  /// Finds who fits `clue.value`; two rows where several do.
  private static func search(_ clue: OwnerClue) -> String {
    switch clue {
    case .user: "SELECT 'user' AS kind, id FROM users WHERE id = clue.value"
    case .tenant: "SELECT 'tenant' AS kind, id FROM tenants WHERE id = clue.value"
    case .reference:
      """
      SELECT 'user' AS kind, id, 1 AS place FROM users WHERE id = clue.value
      UNION ALL SELECT 'tenant', id, 2 FROM tenants WHERE id = clue.value ORDER BY place LIMIT 1
      """
    case .subscription: ownerOfSubscription("stripe_subscription_id")
    case .customer: ownerOfCustomer
    case .email: "SELECT 'user' AS kind, id FROM users WHERE lower(email) = lower(clue.value) LIMIT 2"
    }
  }

  /// The account that a mirror row names, if it is still there.
  private static func ownerOfSubscription(_ column: String) -> String {
    """
    SELECT DISTINCT CASE WHEN u.id IS NULL THEN 'tenant' ELSE 'user' END AS kind, coalesce(u.id, t.id) AS id
    FROM subscriptions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN tenants t ON t.id = s.tenant_id
    WHERE s.\(column) = clue.value AND coalesce(u.id, t.id) IS NOT NULL LIMIT 2
    """
  }

  /// Who has the customer; of a user and a tenant with the same one, the tenant, for whose seats one pays.
  private static let ownerOfCustomer = """
    WITH fits AS (
      SELECT 1 AS place, 'tenant' AS kind, id FROM tenants WHERE stripe_customer_id = clue.value
      UNION ALL SELECT 2, 'user', id FROM users WHERE stripe_customer_id = clue.value
      UNION ALL SELECT 3, kind, id FROM (\(ownerOfSubscription("stripe_customer_id"))) AS mirrored)
    SELECT kind, id FROM fits WHERE place = (SELECT min(place) FROM fits) LIMIT 2
    """

  /// Locks the rows of the accounts and reads them with all their subscriptions.
  private func accounts(_ ids: Set<AccountID>) async throws(StoreError) -> [AccountID: BillingAccount] {
    var accounts: [AccountID: BillingAccount] = [:]
    // In the order in which the triggers lock, so that no two transactions wait for each other.
    for (kind, table) in [(AccountID.Kind.user, "users"), (.tenant, "tenants")] {
      let ids = ids.filter { $0.kind == kind }.map(\.id).sorted()
      guard !ids.isEmpty else { continue }
      let rows = try await transaction.query(
        """
        SELECT id, plan, stripe_customer_id FROM \(table) WHERE id = ANY ($1)
        ORDER BY id FOR NO KEY UPDATE
        """, [.textArray(ids)])
      for row in 0..<rows.count {
        let id = AccountID(kind, try rows[row].need("id", PostgresRow.string))
        accounts[id] = BillingAccount(
          account: id, plan: rows.string(row, "plan"), customer: rows.string(row, "stripe_customer_id"))
      }
    }
    for kind in [AccountID.Kind.user, .tenant] {
      let ids = accounts.keys.filter { $0.kind == kind }.map(\.id)
      guard !ids.isEmpty else { continue }
      // A statement of its own: it sees what was committed by whoever held the rows.
      let rows = try await transaction.query(
        "SELECT * FROM subscriptions WHERE \(SubscriptionRow.column(kind)) = ANY ($1)", [.textArray(ids)])
      for row in 0..<rows.count {
        guard let id = rows.string(row, SubscriptionRow.column(kind)) else { continue }
        accounts[AccountID(kind, id)]?.otherSubscriptions.append(try SubscriptionRow.read(rows[row]))
      }
    }
    return accounts
  }

  private func grants(
    subscriptions: [String]
  ) async throws(StoreError) -> [String: [StoredPeriodGrant]] {
    let rows = try await transaction.query(
      """
      SELECT g.* FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT subscription_id, number, account_kind, account_id, tokens, period_start, period_end, expires_at,
          is_trial, source_reference, revoked_at, revoked_reason
        FROM grants WHERE kind = 'period' AND subscription_id = wanted.id AND period_start IS NOT NULL
        ORDER BY period_start DESC LIMIT 24) AS g
      ORDER BY subscription_id, period_start DESC
      """, [.textArray(subscriptions)])
    var grants: [String: [StoredPeriodGrant]] = [:]
    for row in 0..<rows.count {
      guard let subscription = rows.string(row, "subscription_id") else { continue }
      grants[subscription, default: []].append(try Self.grant(rows[row]))
    }
    return grants
  }

  private static func grant(_ row: PostgresRow) throws(StoreError) -> StoredPeriodGrant {
    let revocation = row.instant("revoked_at").map { _ in
      row.string("revoked_reason").flatMap { StoredPeriodGrant.Revocation(rawValue: $0) } ?? .other
    }
    let kind = AccountID.Kind(rawValue: try row.need("account_kind") { $0.string }) ?? .user
    return StoredPeriodGrant(
      number: try row.need("number") { $0.int },
      account: AccountID(kind, try row.need("account_id") { $0.string }),
      tokens: try row.need("tokens") { $0.int }, periodStart: try row.need("period_start") { $0.instant },
      periodEnd: row.instant("period_end"), expiresAt: row.instant("expires_at"),
      isTrial: row.bool("is_trial") ?? false, invoice: row.string("source_reference"), revocation: revocation)
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

extension OwnerClue {
  /// What it says, whatever of.
  fileprivate var value: String {
    switch self {
    case .user(let text), .tenant(let text), .reference(let text), .subscription(let text),
      .customer(let text), .email(let text):
      text
    }
  }
}
