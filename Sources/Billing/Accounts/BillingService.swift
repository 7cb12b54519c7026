package import Gate
package import Logging

/// What the API asks of billing for one user, or for the tenant that speaks for it.
package struct BillingService: Sendable {
  let store: any BillingStore & CustomerQueue
  let events: EventProcessor
  let catalog: Catalog
  /// nil: no Stripe key, and then all that needs Stripe throws ``BillingFault/notConfigured``.
  let stripe: StripeClient?
  let storedLinks: @Sendable () async throws(StoreError) -> BillingLinks?
  let logger: Logger

  /// `events` writes to the same store, with the same Stripe. `storedLinks` reads the operator's setting
  /// (`AccountStore.billingLinks()`).
  package init(
    store: any BillingStore & CustomerQueue, events: EventProcessor, catalog: Catalog,
    stripe: StripeClient?, logger: Logger,
    storedLinks: @escaping @Sendable () async throws(StoreError) -> BillingLinks?
  ) {
    self.store = store
    self.events = events
    self.catalog = catalog
    self.stripe = stripe
    self.logger = logger
    self.storedLinks = storedLinks
  }

  /// Maps the catalog's prices in `plan_price_map`; to be called at start, after the migrations.
  package func seedPrices() async throws(StoreError) {
    var plans: [String: String] = [:]
    for plan in catalog.plans.values.sorted(by: { $0.name < $1.name }) {
      for price in plan.prices { plans[price] = plan.name }
    }
    try await store.seedPrices(plans)
  }

  /// Of the user, or of its tenant where that has a plan or subscription. Needs no Stripe. Throws
  /// `store(.notFound)` for an unknown user.
  package func status(user: String, now: Instant) async throws(BillingFault) -> AccountBilling {
    AccountBilling(try await facts(user), user: user, catalog: catalog, now: now)
  }

  func facts(_ user: String) async throws(BillingFault) -> BillingStatusFacts {
    let found: BillingStatusFacts?
    do { found = try await store.billingAccount(user: user) } catch { throw .store(error) }
    guard let found else { throw .store(.notFound("no such user")) }
    return found
  }

  func client() throws(BillingFault) -> StripeClient {
    guard let stripe else { throw .notConfigured }
    return stripe
  }
}
