extension StripeAccount {
  /// What a subscription is made with.
  package struct NewSubscription: Sendable {
    package var customer: String
    /// Prices and quantities.
    package var items: [(price: String, quantity: Int64)]
    package var metadata: [String: String]
    /// Unix seconds.
    package var trialEnd: Int64?
    package var cancelAt: Int64?
    package var cancelAtPeriodEnd = false
    /// Stripe mails the invoice instead of charging a card.
    package var sendsInvoice = false
    var daysUntilDue: Int64?
    var atTrialEnd = Subscription.TrialEnd.createInvoice
    var description: String?
    /// No payment is tried before the customer confirms one.
    var waitsForPayment = false
    /// A failing first payment is an error, and nothing is made.
    var failsWithoutPayment = false
    /// Its creation is told before its first payment, as Checkout does it, not after.
    var isFromCheckout = false
    var isFirstInvoiceFree = false

    /// One price, so many seats.
    package init(
      customer: String, price: String, quantity: Int64 = 1, metadata: [String: String] = [:],
      trialEnd: Int64? = nil
    ) {
      self.customer = customer
      items = [(price, quantity)]
      self.metadata = metadata
      self.trialEnd = trialEnd
    }
  }

  /// Makes a subscription, invoices its first period and collects; its id.
  package mutating func subscribe(_ new: NewSubscription) throws(StripeFault) -> String {
    let customer = try liveCustomer(new.customer)
    let items = try items(new.items)
    let isTrial = new.trialEnd.map { $0 > now } ?? false
    let isFree = items.allSatisfy { $0.price.amount == 0 } || new.isFirstInvoiceFree
    if customer.card == nil, customer.nextPayments.isEmpty, !isTrial, !isFree, !new.sendsInvoice,
      !new.waitsForPayment
    {
      throw StripeFault(
        "This customer has no attached payment source or default payment method. Please consider adding a "
          + "default payment method.", code: "resource_missing")
    }
    if let cancelAt = new.cancelAt, cancelAt <= now {
      throw StripeFault("The cancel_at date must be in the future.", param: "cancel_at")
    }
    var attempt = self
    let (id, isPaid) = attempt.start(new, items: items, trialEnd: isTrial ? new.trialEnd : nil)
    if new.failsWithoutPayment, !isPaid { throw .declined("generic_decline") }
    self = attempt
    return id
  }

  private mutating func items(
    _ wanted: [(price: String, quantity: Int64)]
  ) throws(StripeFault) -> [Subscription.Item] {
    guard !wanted.isEmpty else { throw .required("items") }
    var items: [Subscription.Item] = []
    for (index, item) in wanted.enumerated() {
      let price = try price(item.price, param: "items[\(index)][price]")
      try check(price, item.quantity, beside: items, index: index)
      items.append(
        Subscription.Item(id: newID("si_"), price: price, quantity: item.quantity, created: now))
    }
    return items
  }

  func check(
    _ price: Price, _ quantity: Int64, beside items: [Subscription.Item], index: Int
  ) throws(StripeFault) {
    guard price.interval != nil else {
      throw StripeFault(
        "The price specified is set to `type=one_time` but this field only accepts prices with "
          + "`type=recurring`.", param: "items[\(index)][price]")
    }
    guard quantity >= 0 else {
      throw StripeFault("This value must be greater than or equal to 0.", param: "items[\(index)][quantity]")
    }
    guard
      items.allSatisfy({
        $0.price.interval == price.interval && $0.price.intervalCount == price.intervalCount
          && $0.price.currency == price.currency
      })
    else {
      throw StripeFault(
        "Currency and interval fields must match across all prices on this subscription.", param: "items")
    }
  }

  private mutating func start(
    _ new: NewSubscription, items: [Subscription.Item], trialEnd: Int64?
  ) -> (id: String, isPaid: Bool) {
    var subscription = Subscription(
      id: newID("sub_1", length: 23), customer: new.customer,
      status: trialEnd == nil ? (new.sendsInvoice ? .active : .incomplete) : .trialing, items: items,
      created: now, billingCycleAnchor: trialEnd ?? now, periodStart: now, periodEnd: now)
    subscription.periodEnd = trialEnd ?? subscription.next(after: now)
    subscription.trialStart = trialEnd == nil ? nil : now
    subscription.trialEnd = trialEnd
    subscription.atTrialEnd = new.atTrialEnd
    subscription.metadata = new.metadata
    subscription.description = new.description
    subscription.sendsInvoice = new.sendsInvoice
    subscription.daysUntilDue = new.daysUntilDue
    subscription.isFirstInvoiceFree = new.isFirstInvoiceFree
    subscriptions[subscription.id] = subscription
    if new.cancelAtPeriodEnd { scheduleEnd(subscription.id, at: subscription.periodEnd, atPeriodEnd: true) }
    if let time = new.cancelAt { scheduleEnd(subscription.id, at: time, atPeriodEnd: false) }
    let lines = lines(of: subscription, from: subscription.periodStart, to: subscription.periodEnd)
    let invoice = draft(subscription, .create, lines: lines, from: now, to: now, finalizesAt: nil)
    changeSubscription(subscription.id) { $0.latestInvoice = invoice }
    if new.isFromCheckout { announce(subscription.id) }
    let isDue = invoices[invoice].map { $0.amountDue > 0 } ?? false
    if new.waitsForPayment, isDue {
      finalize(invoice)
    } else {
      finalizeAndCollect(invoice)
    }
    announce(subscription.id)
    if let trialEnd, trialEnd - now < 3 * BillingCalendar.day { warnOfTrialEnd(subscription.id) }
    return (subscription.id, invoices[invoice]?.status == .paid)
  }

  private mutating func announce(_ id: String) {
    guard let subscription = subscriptions[id], !subscription.isAnnounced else { return }
    changeSubscription(id, nil) { $0.isAnnounced = true }
    emit("customer.subscription.created", .subscription(subscription))
  }

  mutating func warnOfTrialEnd(_ id: String) {
    changeSubscription(id, nil) { $0.warnedTrialEnd = $0.trialEnd }
    if let subscription = subscriptions[id] {
      emit("customer.subscription.trial_will_end", .subscription(subscription))
    }
  }
}
