package import Gate

/// (event, stored state) → actions. Pure: what it needs to know it is told, and what is to be written it
/// says.
package struct BillingDecider: Sendable {
  /// The plans and packs that there are.
  package var catalog: Catalog

  /// Decides under this catalog.
  package init(catalog: Catalog) { self.catalog = catalog }

  /// `now` counts for top-ups that expire and for the start of `past_due`, never for the order of events.
  package func decide(_ event: BillingEvent, facts: BillingFacts, now: Instant) -> BillingDecision {
    switch event {
    case .ignored(let reason): .ignored(reason)
    case .unreadable: .unmatched("the object cannot be read")
    case .subscription(let object, let isDeletion):
      subscription(object, isDeletion: isDeletion, facts: facts, now: now)
    case .invoicePaid(let invoice): invoicePaid(invoice, facts: facts, now: now)
    case .invoiceFailed(let invoice): invoiceFailed(invoice, facts: facts, now: now)
    case .checkoutCompleted(let session): checkout(session, facts: facts, now: now)
    case .charge(let charge, let reason): takeBack(charge, reason: reason, facts: facts)
    case .customer(let customer, let isDeletion):
      self.customer(customer, isDeletion: isDeletion, facts: facts)
    }
  }

  private func subscription(
    _ object: StripeSubscription, isDeletion: Bool, facts: BillingFacts, now: Instant
  ) -> BillingDecision {
    guard var machine = SubscriptionMachine(facts, id: object.id, catalog: catalog, now: now) else {
      return .noOwner
    }
    if machine.isOver { return BillingDecision(.processed) }
    if let missing = machine.observe(object, isDeletion: isDeletion) { return missing }
    return BillingDecision(.processed, actions: machine.settle())
  }

  private func invoicePaid(
    _ invoice: StripeInvoice, facts: BillingFacts, now: Instant
  ) -> BillingDecision {
    guard invoice.isPaid else { return .ignored("the invoice is not paid") }
    guard let subscription = invoice.subscription else { return .ignored("no subscription's invoice") }
    guard var machine = SubscriptionMachine(facts, id: subscription, catalog: catalog, now: now) else {
      return .noOwner
    }
    if let missing = machine.pay(invoice) { return missing }
    return BillingDecision(.processed, actions: machine.isOver ? machine.actions : machine.settle())
  }

  private func invoiceFailed(
    _ invoice: StripeInvoice, facts: BillingFacts, now: Instant
  ) -> BillingDecision {
    guard let subscription = invoice.subscription else { return .ignored("no subscription's invoice") }
    // Of a subscription that was never seen there is nothing to take away.
    guard facts.subscription != nil else { return BillingDecision(.processed) }
    guard var machine = SubscriptionMachine(facts, id: subscription, catalog: catalog, now: now) else {
      return .noOwner
    }
    if machine.isOver { return BillingDecision(.processed) }
    machine.fail(invoice)
    return BillingDecision(.processed, actions: machine.settle())
  }

  private func customer(
    _ customer: StripeCustomer, isDeletion: Bool, facts: BillingFacts
  ) -> BillingDecision {
    if isDeletion { return BillingDecision(.processed, actions: [.unlinkCustomer(customer.id)]) }
    guard let owner = facts.owner, owner.customer == nil else { return BillingDecision(.processed) }
    return BillingDecision(.processed, actions: [.linkCustomer(owner.account, customer: customer.id)])
  }

  private func takeBack(_ charge: StripeCharge, reason: String, facts: BillingFacts) -> BillingDecision {
    guard !facts.purchases.isEmpty else { return .unmatched("nothing is known to be bought by it") }
    return BillingDecision(.processed, actions: facts.purchases.map { .takeBack($0, reason: reason) })
  }
}
