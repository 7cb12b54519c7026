extension StripeAccount {
  /// A change to a subscription; what is nil stays.
  package struct SubscriptionChange: Sendable {
    /// What becomes of the rest of the period.
    package enum Proration: String, Sendable {
      /// Lines on the next invoice.
      case create = "create_prorations"
      /// An invoice at once.
      case always = "always_invoice"
      case none
    }
    /// One item: an existing one by its id, or the only one, or a new one.
    struct Item: Sendable {
      var id: String?
      var price: String?
      var quantity: Int64?
      var isDeleted = false
      /// A new one beside those that there are.
      var isNew = false
    }

    var items: [Item] = []
    package var proration = Proration.create
    /// A payment that fails undoes the change.
    package var failsWithoutPayment = false
    var startsNewCycle = false
    /// In the past or now: the trial ends at once.
    package var trialEnd: Int64?
    package var metadata: [String: String]?

    /// Another price or quantity of the only item.
    package init(
      price: String? = nil, quantity: Int64? = nil, proration: Proration = .create, trialEnd: Int64? = nil,
      metadata: [String: String]? = nil
    ) {
      if price != nil || quantity != nil { items = [Item(price: price, quantity: quantity)] }
      self.proration = proration
      self.trialEnd = trialEnd
      self.metadata = metadata
    }
  }

  /// Upgrade, downgrade, seats, another interval, the end of a trial. Throws and changes nothing for what
  /// Stripe refuses.
  package mutating func update(_ id: String, _ change: SubscriptionChange) throws(StripeFault) {
    let before = try subscription(id)
    if before.isOver {
      guard change.items.isEmpty, change.trialEnd == nil, !change.startsNewCycle else {
        throw StripeAccount.isCanceled
      }
    }
    var attempt = self
    try attempt.apply(change, to: before)
    if change.failsWithoutPayment, let invoice = attempt.subscriptions[id]?.latestInvoice,
      invoice != before.latestInvoice, attempt.invoices[invoice]?.status == .open
    {
      throw .declined("generic_decline")
    }
    self = attempt
  }

  private mutating func apply(_ change: SubscriptionChange, to before: Subscription) throws(StripeFault) {
    var after = before
    if let metadata = change.metadata { after.metadata = metadata }
    after.items = try items(of: before, change)
    var isNewPeriod = false
    if let trialEnd = change.trialEnd {
      isNewPeriod = try moveTrial(to: trialEnd, &after, before)
    }
    if before.status != .trialing, change.trialEnd == nil {
      isNewPeriod = change.startsNewCycle || changesCycle(before, after)
    }
    if isNewPeriod { beginPeriod(&after) }
    let prorated = prorations(before, after, change, isNewPeriod: isNewPeriod)
    let isBilled = before.status != .incomplete && before.status != .paused
    guard isBilled, isNewPeriod || (change.proration == .always && !prorated.isEmpty) else {
      pendingItems[before.id, default: []] += prorated
      for item in prorated { emit("invoiceitem.created", .invoiceItem(item)) }
      changeSubscription(before.id) { $0 = after }
      return
    }
    pendingItems[before.id, default: []] += prorated
    let lines = isNewPeriod ? lines(of: after, from: after.periodStart, to: after.periodEnd) : []
    let invoice = draft(after, .update, lines: lines, from: before.periodStart, to: now, finalizesAt: nil)
    after.latestInvoice = invoice
    changeSubscription(before.id) { $0 = after }
    finalizeAndCollect(invoice)
  }

  private mutating func beginPeriod(_ after: inout Subscription) {
    if after.status == .trialing, let end = after.trialEnd, end > now {
      after.billingCycleAnchor = end
      after.periodEnd = end
    } else {
      after.billingCycleAnchor = now
      after.periodEnd = after.next(after: now)
    }
    after.periodStart = now
    if after.cancelAtPeriodEnd { after.cancelAt = after.periodEnd }
  }

  private func moveTrial(
    to end: Int64, _ after: inout Subscription, _ before: Subscription
  ) throws(StripeFault) -> Bool {
    if end > now {
      after.status = .trialing
      after.trialStart = after.trialStart ?? now
      after.trialEnd = end
      return true
    }
    guard before.status == .trialing else { return false }
    after.status = .active
    after.trialEnd = now
    return true
  }

  /// Another interval, or from nothing to something: the billing date moves.
  private func changesCycle(_ before: Subscription, _ after: Subscription) -> Bool {
    guard let old = before.price, let new = after.price, before.items != after.items else { return false }
    return old.interval != new.interval || old.intervalCount != new.intervalCount
      || (before.total == 0) != (after.total == 0)
  }

  private mutating func items(
    of before: Subscription, _ change: SubscriptionChange
  ) throws(StripeFault) -> [Subscription.Item] {
    var items = before.items
    for (index, wanted) in change.items.enumerated() {
      if wanted.isNew || items.isEmpty {
        guard let id = wanted.price else { throw .required("items[\(index)][price]") }
        items.append(
          Subscription.Item(
            id: newID("si_"), price: try price(id, param: "items[\(index)][price]"),
            quantity: wanted.quantity ?? 1, created: now))
        continue
      }
      guard let place = wanted.id.map({ id in items.firstIndex { $0.id == id } }) ?? 0 else {
        throw .noSuch("subscription item", wanted.id ?? "", param: "items[\(index)][id]")
      }
      if wanted.isDeleted {
        items.remove(at: place)
        continue
      }
      if let id = wanted.price { items[place].price = try price(id, param: "items[\(index)][price]") }
      if let quantity = wanted.quantity { items[place].quantity = quantity }
    }
    guard !items.isEmpty else {
      throw StripeFault("A subscription must have at least one active plan.", param: "items")
    }
    for (index, item) in items.enumerated() {
      try check(item.price, item.quantity, beside: Array(items[..<index]), index: index)
    }
    return items
  }
}
