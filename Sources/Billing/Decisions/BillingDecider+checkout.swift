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
    let packs = session.prices.compactMap { catalog.topups[$0] }
    guard !packs.isEmpty else { return .unknownPrice(session.prices) }
    let tokens = packs.reduce(Int64(0)) { min($0 + min($1.tokens, Limits.tokensMax), Limits.tokensMax) }
    // Of several packs in one session the one that lives longest speaks for the whole.
    let lives = packs.map(\.expiresAfterDays)
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
    return BillingDecision(.processed, actions: actions)
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
