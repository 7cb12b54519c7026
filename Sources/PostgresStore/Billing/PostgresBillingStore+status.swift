package import Gate

extension PostgresBillingStore {
  /// See ``BillingStore/billingAccount(user:)``.
  package func billingAccount(user: String) async throws(StoreError) -> BillingStatusFacts? {
    let rows = try await pool.query(
      """
      SELECT u.plan, u.stripe_customer_id, u.email, t.id AS tenant, t.plan AS tenant_plan,
        t.stripe_customer_id AS tenant_customer, t.seats AS tenant_seats,
        EXISTS (SELECT FROM subscriptions s WHERE s.tenant_id = t.id) AS tenant_subscribed
      FROM users u LEFT JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1
      """, [.text(user)])
    guard let row = rows.first else { return nil }
    if let tenant = row.string("tenant"),
      row.string("tenant_plan") != nil || row.bool("tenant_subscribed") == true
    {
      return BillingStatusFacts(
        account: .tenant(tenant), plan: row.string("tenant_plan"), customer: row.string("tenant_customer"),
        email: row.string("email"), seats: row.int("tenant_seats") ?? 1,
        subscriptions: try await subscriptions(of: .tenant(tenant)))
    }
    return BillingStatusFacts(
      account: .user(user), plan: row.string("plan"), customer: row.string("stripe_customer_id"),
      email: row.string("email"), seats: 1, subscriptions: try await subscriptions(of: .user(user)))
  }

  private func subscriptions(of account: AccountID) async throws(StoreError) -> [StoredSubscription] {
    let rows = try await pool.query(
      """
      SELECT * FROM subscriptions WHERE \(SubscriptionRow.column(account.kind)) = $1
      ORDER BY current_period_start DESC NULLS LAST, stripe_subscription_id
      """, [.text(account.id)])
    return try rows.map(SubscriptionRow.read)
  }
}
