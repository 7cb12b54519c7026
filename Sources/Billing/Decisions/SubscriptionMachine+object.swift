import Gate

extension SubscriptionMachine {
  /// A subscription object was seen. Returns what is missing, or nil when it was taken in.
  mutating func observe(_ object: StripeSubscription, isDeletion: Bool) -> BillingDecision? {
    let status = observedStatus(object, isDeletion: isDeletion)
    let mapped = object.items.compactMap { item in
      book.plan(price: item.price).map { (plan: $0, item: item) }
    }
    let best = mapped.max { book.isBetter($1.plan.name, than: $0.plan.name) }
    let seats = min(max(1, mapped.reduce(0) { $0 + $1.item.quantity }), 1_000_000)
    row.customer = row.customer ?? object.customer
    if let status, SubscriptionStatus.isTerminal(status) {
      // However old the object looks: what has ended once has ended.
      takePeriod(object)
      takeFlags(object)
      if let best, row.plan == nil {
        take(plan: best.plan, price: best.item.price, isNewPeriod: true)
        row.seats = seats
      }
      set(status: status)
      return nil
    }
    if let held = row.currentPeriodStart, let seen = object.periodStart, seen < held { return nil }
    if best == nil, status.map({ mayCarryPlan($0) }) ?? true {
      return .unknownPrice(object.items.compactMap(\.price))
    }
    let isNewPeriod = isLater(object.periodStart, than: row.currentPeriodStart)
    takePeriod(object)
    takeFlags(object)
    if let best {
      take(plan: best.plan, price: best.item.price, isNewPeriod: isNewPeriod)
      row.seats = seats
    }
    if let status { set(status: resolved(status, object: object)) }
    row.latestInvoice = object.latestInvoice ?? row.latestInvoice
    return nil
  }

  private func observedStatus(_ object: StripeSubscription, isDeletion: Bool) -> String? {
    guard isDeletion else { return object.status }
    if let status = object.status, SubscriptionStatus.isTerminal(status) { return status }
    return SubscriptionStatus.canceled
  }

  private func mayCarryPlan(_ status: String) -> Bool {
    status == SubscriptionStatus.incomplete || SubscriptionStatus.isLive(status, book.catalog)
  }

  /// The word to store, where the one that came may be an old one.
  private func resolved(_ status: String, object: StripeSubscription) -> String {
    let wasLive = ["active", "trialing", "past_due"].contains(row.status) && stored != nil
    // Nothing goes back to `incomplete`: it is the first thing said of a subscription, come late.
    if status == SubscriptionStatus.incomplete, wasLive { return row.status }
    if SubscriptionStatus.isOfUnpaidInvoice(status), let invoice = object.latestInvoice,
      paidInvoices.contains(invoice)
    {
      return wasLive && row.status != SubscriptionStatus.pastDue ? row.status : SubscriptionStatus.active
    }
    return status
  }

  private func isLater(_ seen: Instant?, than held: Instant?) -> Bool {
    guard let seen else { return false }
    return held.map { seen > $0 } ?? true
  }

  private mutating func takePeriod(_ object: StripeSubscription) {
    guard let start = object.periodStart, start >= row.currentPeriodStart ?? start else { return }
    row.currentPeriodStart = start
    row.currentPeriodEnd = object.periodEnd ?? row.currentPeriodEnd
  }

  private mutating func takeFlags(_ object: StripeSubscription) {
    row.cancelAtPeriodEnd = object.cancelAtPeriodEnd
    row.cancelAt = object.cancelAt
    row.trialEnd = object.trialEnd ?? row.trialEnd
  }
}
