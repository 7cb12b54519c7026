internal import Gate
internal import NIOCore
internal import RedisStore

/// What is left, for the control plane: asked over one event loop's engine like a check, with the account loaded
/// when Redis has lost it.
struct LiveBudgets: BudgetReading {
  let engine: NIOLoopBound<LoopCheckEngine>
  let principals: any PrincipalStore
  let accounts: any AccountStore
  let loader: any AccountLoading
  let catalog: Catalog

  private static let attemptsMax = 6

  func report(user: String) async throws(StoreError) -> BudgetReport? {
    guard let principal = try await principals.principal(user: user) else { return nil }
    return try await report(principal, Entitlement(of: principal, catalog: catalog))
  }

  func report(tenant: String) async throws(StoreError) -> BudgetReport? {
    guard let stored = try await accounts.tenant(tenant) else { return nil }
    var entitlement = Entitlement(
      of: Principal(
        user: "", tenant: tenant, tenantPlan: stored.plan, seats: stored.seats, version: stored.version,
        tenantVersion: stored.version),
      catalog: catalog)
    // The pool alone is looked at, in the place of a user's own budget.
    entitlement.own = entitlement.pool
    entitlement.pool = nil
    if stored.plan == nil { entitlement.plan = nil }
    let principal = Principal(user: "", tenant: tenant, version: stored.version)
    return try await report(principal, entitlement)
  }

  private func report(
    _ principal: Principal, _ entitlement: Entitlement
  ) async throws(StoreError) -> BudgetReport {
    for _ in 0..<LiveBudgets.attemptsMax {
      switch await ask(principal, entitlement) {
      case .report(let report): return report
      case .missing(let kind):
        let isPool = kind == .tenant || principal.user.isEmpty
        let account = isPool ? AccountID.tenant(principal.tenant ?? "") : .user(principal.user)
        let epoch = try await loader.load(account, tenant: principal.tenant)
        let engine = engine
        engine.eventLoop.execute { engine.value.epoch = epoch }
      case .calendarOff, .again: continue
      case .unavailable: throw .unavailable("the counters don't answer")
      }
    }
    throw .unavailable("the counters can't be read")
  }

  private func ask(_ principal: Principal, _ entitlement: Entitlement) async -> ReportAnswer {
    let engine = engine
    let feature = Feature(name: "", defaultTokens: 0)
    let future = engine.eventLoop.flatSubmit { () -> EventLoopFuture<ReportAnswer> in
      let promise = engine.eventLoop.makePromise(of: ReportAnswer.self)
      let prepared = engine.value.prepare(principal, entitlement, feature: feature, verify: false)
      engine.value.report(prepared) { promise.succeed($0) }
      return promise.futureResult
    }
    return (try? await future.get()) ?? .unavailable
  }
}
