package import Gate

/// Brings the mirror of a subscription up to what Stripe says now: lock, then fetch, then write, for what is
/// fetched before the lock may be older than what another has written.
package struct SubscriptionMirror: Sendable {
  let store: any BillingStore
  let outbox: any OutboxApplying
  let decider: BillingDecider
  let stripe: StripeClient

  /// Writes through `store` what `stripe` says.
  package init(
    store: any BillingStore, outbox: any OutboxApplying, catalog: Catalog, stripe: StripeClient
  ) {
    self.store = store
    self.outbox = outbox
    decider = BillingDecider(catalog: catalog)
    self.stripe = stripe
  }

  /// Throws `unavailable` when Stripe doesn't answer.
  package func refresh(_ id: String, now: Instant) async throws(StoreError) {
    let decider = decider
    let stripe = stripe
    let accounts = try await store.transaction { (transaction) async throws(StoreError) -> [AccountID] in
      try await transaction.lock(["stripe:\(id)"])
      guard let object = try await stripe.subscription(id) else { throw .notFound("no such subscription") }
      let event = BillingEvent.subscription(object, isDeletion: false)
      let facts = try await transaction.facts(event.question)
      let decision = decider.decide(event, facts: facts, now: now)
      try await transaction.perform(decision.actions, reason: "refreshed from Stripe")
      return facts.accounts
    }
    for account in accounts { try await outbox.apply(account) }
  }
}

extension StripeClient {
  /// The subscription as it is now; nil when Stripe has none by this id.
  func subscription(_ id: String) async throws(StoreError) -> StripeSubscription? {
    do {
      return StripeSubscription(try await get("/v1/subscriptions/\(StripeForm.escape(id))"))
    } catch .refused(status: 404, _) {
      return nil
    } catch {
      throw .unavailable("stripe: \(error)")
    }
  }
}
