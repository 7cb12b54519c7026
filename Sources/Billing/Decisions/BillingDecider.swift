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
    case .subscription(let object, let news): subscription(object, news, facts: facts, now: now)
    case .invoicePaid(let invoice): invoicePaid(invoice, facts: facts, now: now)
    case .invoiceFailed(let invoice, let needsAction):
      invoiceFailed(invoice, needsAction: needsAction, facts: facts, now: now)
    case .invoiceClosed(let invoice): invoiceClosed(invoice, facts: facts)
    case .invoicePayment(let invoice, let payments):
      BillingDecision(.processed, actions: [.notePayments(invoice: invoice, payments: payments)])
    case .checkoutCompleted(let session): checkout(session, facts: facts, now: now)
    case .checkoutFailed(let session, let word): checkoutFailed(session, word: word, facts: facts)
    case .charge(let charge, let news): self.charge(charge, news, facts: facts)
    case .customer(let customer, let isDeletion):
      self.customer(customer, isDeletion: isDeletion, facts: facts)
    }
  }

  private func subscription(
    _ object: StripeSubscription, _ news: BillingEvent.SubscriptionNews, facts: BillingFacts, now: Instant
  ) -> BillingDecision {
    guard var machine = SubscriptionMachine(facts, id: object.id, catalog: catalog, now: now) else {
      return .noOwner
    }
    if machine.isOver { return BillingDecision(.processed) }
    if let missing = machine.observe(object, isDeletion: news == .deletion) { return missing }
    var actions = machine.settle()
    if news == .trialWillEnd {
      let about = ["subscription": object.id, "trial_end": object.trialEnd?.rfc3339 ?? ""]
      actions.append(.note(machine.owner.account, action: "subscription.trial_will_end", about: about))
    }
    return BillingDecision(.processed, actions: actions)
  }

  private func customer(
    _ customer: StripeCustomer, isDeletion: Bool, facts: BillingFacts
  ) -> BillingDecision {
    if isDeletion { return BillingDecision(.processed, actions: [.unlinkCustomer(customer.id)]) }
    guard let owner = facts.owner, owner.customer == nil else { return BillingDecision(.processed) }
    return BillingDecision(.processed, actions: [.linkCustomer(owner.account, customer: customer.id)])
  }

  /// A full refund and a dispute take back what was bought; a part of the money doesn't say which part of
  /// the tokens it is for, and is left to people.
  private func charge(
    _ charge: StripeCharge, _ news: BillingEvent.ChargeNews, facts: BillingFacts
  ) -> BillingDecision {
    let account = facts.purchases.first?.account ?? facts.owner?.account
    let about = [
      "charge": charge.charge ?? charge.id, "amount": String(charge.amount),
      "amount_refunded": String(charge.amountRefunded),
    ]
    func note(_ action: String) -> [BillingAction] {
      account.map { [.note($0, action: action, about: about)] } ?? []
    }
    if news == .refundedInPart {
      guard account != nil else { return .unmatched("nothing is known to be bought by it") }
      return BillingDecision(.processed, actions: note("charge.refunded_in_part"))
    }
    let word = news == .refunded ? "refunded" : "disputed"
    guard !facts.purchases.isEmpty else {
      // A payment that granted nothing, such as the difference of an upgrade.
      guard facts.isPaymentKnown else { return .unmatched("nothing is known to be bought by it") }
      return BillingDecision(.processed, actions: note("charge.\(word)"))
    }
    return BillingDecision(
      .processed, actions: facts.purchases.map { .takeBack($0, reason: word) } + note("charge.\(word)"))
  }
}
