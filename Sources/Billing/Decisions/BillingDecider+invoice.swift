import Gate

extension BillingDecider {
  func invoicePaid(_ invoice: StripeInvoice, facts: BillingFacts, now: Instant) -> BillingDecision {
    guard invoice.isPaid else { return .ignored("the invoice is not paid") }
    guard let subscription = invoice.subscription else {
      guard let owner = facts.owner else { return .ignored("no subscription's invoice") }
      return BillingDecision(
        .processed,
        actions: [
          .notePayments(invoice: invoice.id, payments: invoice.payments), record(invoice, owner.account),
        ])
    }
    guard var machine = SubscriptionMachine(facts, id: subscription, catalog: catalog, now: now) else {
      return .noOwner
    }
    if let missing = machine.pay(invoice) { return missing }
    if let now = invoice.subscriptionNow, !machine.isOver { _ = machine.observe(now, isDeletion: false) }
    let actions = machine.isOver ? machine.actions : machine.settle()
    return BillingDecision(.processed, actions: actions + [record(invoice, machine.owner.account)])
  }

  func invoiceFailed(
    _ invoice: StripeInvoice, needsAction: Bool, facts: BillingFacts, now: Instant
  ) -> BillingDecision {
    guard let subscription = invoice.subscription else {
      guard let owner = facts.owner else { return .ignored("no subscription's invoice") }
      return BillingDecision(.processed, actions: failure(invoice, needsAction, owner.account))
    }
    guard var machine = SubscriptionMachine(facts, id: subscription, catalog: catalog, now: now) else {
      return .noOwner
    }
    var actions = failure(invoice, needsAction, machine.owner.account)
    // Of a subscription that was never seen there is nothing to take away.
    if machine.stored != nil, !machine.isOver {
      if let now = invoice.subscriptionNow {
        _ = machine.observe(now, isDeletion: false)
      } else {
        machine.fail(invoice)
      }
      actions += machine.settle()
    }
    return BillingDecision(.processed, actions: actions)
  }

  /// Voided or uncollectible: the subscription's own events say what that means for it.
  func invoiceClosed(_ invoice: StripeInvoice, facts: BillingFacts) -> BillingDecision {
    guard let owner = facts.owner else {
      return invoice.subscription == nil ? .ignored("no subscription's invoice") : .noOwner
    }
    return BillingDecision(.processed, actions: [record(invoice, owner.account)])
  }

  private func failure(
    _ invoice: StripeInvoice, _ needsAction: Bool, _ account: AccountID
  ) -> [BillingAction] {
    let about = ["invoice": invoice.id, "amount_due": String(invoice.summary.amountDue)]
    let action = needsAction ? "payment.action_required" : "payment.failed"
    return [.note(account, action: action, about: about), record(invoice, account)]
  }

  private func record(_ invoice: StripeInvoice, _ account: AccountID) -> BillingAction {
    .recordInvoice(
      InvoiceRecord(
        id: invoice.id, account: account, customer: invoice.customer, subscription: invoice.subscription,
        summary: invoice.summary))
  }
}
