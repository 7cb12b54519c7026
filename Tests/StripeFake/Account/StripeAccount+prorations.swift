extension StripeAccount {
  /// The invoice items of a change within a period: what is left of the old is given back, what is left of
  /// the period is asked for at the new price. A new period has its own lines: then there are only credits.
  mutating func prorations(
    _ before: Subscription, _ after: Subscription, _ change: SubscriptionChange, isNewPeriod: Bool
  ) -> [PendingItem] {
    guard change.proration != .none, before.status == .active || before.status == .pastDue else { return [] }
    if isNewPeriod { return credits(before, before.items) }
    let changed = before.items.filter { old in !after.items.contains(old) }
    let fresh = after.items.filter { new in !before.items.contains(new) }
    guard !changed.isEmpty || !fresh.isEmpty else { return [] }
    let share = Share(before, now: now)
    return credits(before, changed)
      + fresh.map { proration($0, of: after, amount: share.of($0), "Remaining") }
  }

  /// What is left of the period, given back.
  mutating func credits(_ subscription: Subscription, _ items: [Subscription.Item]) -> [PendingItem] {
    let share = Share(subscription, now: now)
    return items.map { proration($0, of: subscription, amount: -share.of($0), "Unused") }
  }

  private mutating func proration(
    _ item: Subscription.Item, of subscription: Subscription, amount: Int64, _ word: String
  ) -> PendingItem {
    let name = products[item.price.product]?.name ?? item.price.product
    let id = newID("ii_1", length: 23)
    let times = item.quantity == 1 ? "" : "\(item.quantity) × "
    let end = subscriptions[subscription.id]?.periodEnd ?? subscription.periodEnd
    let line = Invoice.Line(
      id: newID("il_1", length: 23), amount: amount, price: item.price, quantity: item.quantity,
      periodStart: now, periodEnd: end, isProration: true,
      description: "\(word) time on \(times)\(name) after \(BillingCalendar.text(now).prefix(10))",
      subscription: subscription.id, subscriptionItem: item.id, invoiceItem: id,
      metadata: subscription.metadata)
    return PendingItem(id: id, line: line)
  }

  /// The share of a period that is left, to the second.
  private struct Share {
    let left: Int64
    let whole: Int64

    init(_ subscription: Subscription, now: Int64) {
      whole = max(1, subscription.periodEnd - subscription.periodStart)
      left = min(max(0, subscription.periodEnd - now), whole)
    }

    /// Rounded to the nearest unit of money.
    func of(_ item: Subscription.Item) -> Int64 {
      let product = (item.price.amount * item.quantity).multipliedFullWidth(by: left)
      let (quotient, remainder) = whole.dividingFullWidth(product)
      return quotient + (remainder * 2 >= whole ? 1 : 0)
    }
  }
}
