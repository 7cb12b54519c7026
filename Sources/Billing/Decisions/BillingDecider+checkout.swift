import Gate

extension BillingDecider {
  func checkout(_ session: StripeCheckoutSession, facts: BillingFacts, now: Instant) -> BillingDecision {
    switch session.mode {
    case "payment": topUp(session, facts: facts, now: now)
    case "subscription": link(session, facts: facts, now: now)
    default: .ignored("mode \(session.mode ?? "(none)") buys nothing")
    }
  }

  /// A pack of tokens, once per session; its price is in the metadata that our own checkout sets.
  private func topUp(_ session: StripeCheckoutSession, facts: BillingFacts, now: Instant) -> BillingDecision {
    guard session.isPaid else { return .ignored("not paid yet") }
    guard let owner = facts.owner else { return .noOwner }
    let packs = session.items.compactMap { item in
      catalog.topups[item.price].map { (pack: $0, quantity: item.quantity) }
    }
    let tokens = packs.reduce(Int64(0)) { sum, bought in
      let (product, overflow) = bought.pack.tokens.multipliedReportingOverflow(by: bought.quantity)
      return min(sum + (overflow ? Limits.tokensMax : min(product, Limits.tokensMax)), Limits.tokensMax)
    }
    guard tokens > 0 else { return .unknownPrice(session.prices) }
    // Of several packs in one session the one that lives longest speaks for the whole.
    let lives = packs.map(\.pack.expiresAfterDays)
    let days = lives.contains(nil) ? nil : lives.compactMap { $0 }.max()
    var actions: [BillingAction] = []
    if let customer = session.customer, owner.customer == nil {
      actions.append(.linkCustomer(owner.account, customer: customer))
    }
    actions.append(
      .grantTopUp(
        NewTopUp(
          account: owner.account, session: session.id, tokens: tokens,
          expiresAt: days.map { now.advanced(seconds: min($0, 36_500) * 86_400) },
          payments: session.payments)))
    // One with an invoice is in the history by that.
    if session.invoice == nil {
      actions.append(
        .recordInvoice(
          InvoiceRecord(
            id: session.id, account: owner.account, customer: session.customer, subscription: nil,
            summary: InvoiceSummary(session))))
    }
    return BillingDecision(.processed, actions: actions)
  }

  func checkoutFailed(_ session: StripeCheckoutSession, word: String, facts: BillingFacts) -> BillingDecision
  {
    guard let owner = facts.owner else { return .ignored("nothing was bought") }
    let note = BillingAction.note(
      owner.account, action: "checkout.\(word)", about: ["session": session.id])
    return BillingDecision(.processed, actions: [note])
  }

  /// Ties customer and subscription to whom they were bought for. The subscription's own events say the
  /// rest, and may have come before.
  private func link(_ session: StripeCheckoutSession, facts: BillingFacts, now: Instant) -> BillingDecision {
    guard let owner = facts.owner else { return .noOwner }
    guard let id = session.subscription,
      var machine = SubscriptionMachine(facts, id: id, catalog: catalog, now: now)
    else {
      guard let customer = session.customer, owner.customer == nil else { return BillingDecision(.processed) }
      return BillingDecision(.processed, actions: [.linkCustomer(owner.account, customer: customer)])
    }
    if machine.isOver { return BillingDecision(.processed) }
    machine.row.customer = machine.row.customer ?? session.customer
    if machine.stored == nil {
      let plans = session.prices.compactMap { price in
        machine.book.plan(price: price).map { (plan: $0, price: price) }
      }
      if let best = plans.max(by: { machine.book.isBetter($1.plan.name, than: $0.plan.name) }) {
        machine.take(plan: best.plan, price: best.price, isNewPeriod: true)
      }
      if session.isPaid { machine.set(status: SubscriptionStatus.active) }
    }
    return BillingDecision(.processed, actions: machine.settle())
  }
}
