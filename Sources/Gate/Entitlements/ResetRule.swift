/// What a reset by hand grants: the plan's budget anew, for what remains of the current period.
package struct ResetPeriod: Sendable, Equatable {
  /// 0 to 10¹⁵−1.
  package var tokens: Int64
  /// nil: never ends.
  package var end: Instant?
}

/// How a reset's period is worked out, for whoever asks for one: the admin API and the command line alike.
package struct ResetRule: Sendable {
  private let accounts: any AccountStore
  private let principals: any PrincipalStore
  private let catalog: Catalog
  private let calendar: any PeriodCalendar

  /// Reads from these stores alone; changes nothing.
  package init(
    accounts: any AccountStore, principals: any PrincipalStore, catalog: Catalog,
    calendar: any PeriodCalendar
  ) {
    self.accounts = accounts
    self.principals = principals
    self.catalog = catalog
    self.calendar = calendar
  }

  /// The period that a reset at `now` begins. Throws `notFound` without the account, `conflict` when it has
  /// nothing that could be reset.
  package func period(of account: AccountID, at now: Instant) async throws(StoreError) -> ResetPeriod {
    switch account.kind {
    case .user: try await period(ofUser: account.id, at: now)
    case .tenant: try await period(ofTenant: account.id, at: now)
    }
  }

  private func period(ofUser id: String, at now: Instant) async throws(StoreError) -> ResetPeriod {
    guard let principal = try await principals.principal(user: id) else { throw .notFound("user `\(id)`") }
    return try period(of: principal, at: now)
  }

  /// The same of a user at hand, without any read.
  package func period(of principal: Principal, at now: Instant) throws(StoreError) -> ResetPeriod {
    let entitlement = Entitlement(of: principal, catalog: catalog)
    guard entitlement.plan != nil, entitlement.lockoutAt.map({ $0 > now }) ?? true else {
      throw ResetRule.withoutPlan
    }
    guard let terms = entitlement.own else {
      throw .conflict("the user draws on its tenant's pool: reset the tenant")
    }
    var paidUntil: Instant?
    if terms.source == .given, let subscription = principal.subscription {
      paidUntil = subscription.currentPeriodEnd?.advanced(seconds: terms.rule.graceSeconds)
    }
    return try period(terms, paidUntil: paidUntil, at: now)
  }

  /// The tenant's subscription isn't read here; what it paid for stands in the books, as the period grant
  /// that its last invoice made.
  private func period(ofTenant id: String, at now: Instant) async throws(StoreError) -> ResetPeriod {
    guard let tenant = try await accounts.tenant(id) else { throw .notFound("tenant `\(id)`") }
    guard let plan = tenant.plan.flatMap({ catalog.plans[$0] }) else { throw ResetRule.withoutPlan }
    guard plan.budget.draw != .own else {
      throw .conflict("the tenant's plan has no pool: its users have budgets of their own")
    }
    let snapshot = try await principals.snapshot(of: .tenant(id))
    let paid = snapshot?.grants
      .filter { $0.kind == .period && $0.source == "invoice" && ($0.expiresAt ?? now) > now }
      .max { ($0.periodStart ?? $0.createdAt) < ($1.periodStart ?? $1.createdAt) }
    let terms = BudgetTerms(plan.budget, seats: tenant.seats, subscribed: paid != nil)
    return try period(terms, paidUntil: terms.source == .given ? paid?.expiresAt : nil, at: now)
  }

  private func period(
    _ terms: BudgetTerms, paidUntil: Instant?, at now: Instant
  ) throws(StoreError) -> ResetPeriod {
    guard terms.rule.tokens != nil else {
      throw .conflict("the plan has no token limit that could be reset")
    }
    if let paidUntil, paidUntil > now { return ResetPeriod(tokens: terms.tokens, end: paidUntil) }
    let bounds = calendar.bounds(of: terms.calendarPeriod, timeZone: terms.rule.timeZone, at: now)
    return ResetPeriod(tokens: terms.tokens, end: bounds.end)
  }

  private static var withoutPlan: StoreError {
    .conflict("the account has no active plan whose budget could be reset")
  }
}
