internal import AdminAPI
internal import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle

/// Keeps the summary of all budgets, so that a list that is sorted by what is left is read and not worked out. One
/// gate does it for all.
struct BudgetSummary: Service {
  let store: PostgresStore
  let catalog: Catalog
  let holder: String
  let logger: Logger

  private static let every = Duration.seconds(2)
  private static let leaseSeconds: Int64 = 15

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await refresh()
        try? await Task.sleep(for: BudgetSummary.every)
      }
    }
    try? await store.release(lease: "budgets", holder: holder)
  }

  private func refresh() async {
    do throws(StoreError) {
      guard try await store.lease("budgets", holder: holder, seconds: BudgetSummary.leaseSeconds) else {
        return
      }
      try await store.refreshBudgets()
    } catch {
      logger.warning("summary of the budgets is not refreshed", metadata: ["error": "\(error)"])
    }
  }

  /// A page of the list. Its figures are the books', as of the last refresh.
  func page(_ query: BudgetsQuery, _ page: PageRequest) async throws(StoreError) -> Page<BudgetReport> {
    let order: BudgetListing.Order =
      switch query.order {
      case .usedShare: .usedShare
      case .remaining: .remaining
      case .used: .used
      }
    let listing = BudgetListing(
      order: order, kind: query.kind, plan: query.plan,
      planIsDefault: query.plan != nil && query.plan == catalog.defaultPlan)
    let found = try await store.budgets(listing, page)
    let now = Clock.now()
    return Page(items: found.items.map { report($0, now) }, nextCursor: found.nextCursor)
  }

  private func report(_ listed: ListedBudget, _ now: Instant) -> BudgetReport {
    guard let principal = listed.principal else {
      let plan = listed.plan.flatMap { catalog.plans[$0] }
      return BudgetReport(
        user: nil, tenant: listed.account.id, plan: plan?.name, status: plan == nil ? "inactive" : "active",
        budget: listed.budget)
    }
    let entitlement = Entitlement(of: principal, catalog: catalog, now: now)
    return BudgetReport(
      user: principal.user, tenant: principal.tenant, plan: entitlement.plan?.name,
      status: entitlement.status, budget: listed.budget, version: principal.version)
  }
}
