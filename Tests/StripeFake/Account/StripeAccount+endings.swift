extension StripeAccount {
  /// Ends a subscription now.
  package mutating func cancel(_ id: String, invoiceNow: Bool = false, prorate: Bool = false)
    throws(StripeFault)
  {
    let subscription = try subscription(id)
    guard !subscription.isOver else {
      throw .missing("subscription", id)
    }
    if prorate, subscription.status == .active || subscription.status == .pastDue {
      let items = credits(subscription, subscription.items)
      pendingItems[id, default: []] += items
      for item in items { emit("invoiceitem.created", .invoiceItem(item)) }
    }
    if invoiceNow, pendingItems[id] != nil {
      let last = draft(
        subscription, .update, lines: [], from: subscription.periodStart, to: now, finalizesAt: nil)
      finalizeAndCollect(last)
    }
    end(id, reason: "cancellation_requested")
  }

  /// Schedules the end for the end of the period, by the flag or by a date alone, as the portal does it in
  /// flexible billing.
  package mutating func cancelAtPeriodEnd(_ id: String, byDateAlone: Bool = false) throws(StripeFault) {
    let subscription = try subscription(id)
    guard !subscription.isOver else { throw .missing("subscription", id) }
    scheduleEnd(id, at: subscription.periodEnd, atPeriodEnd: !byDateAlone)
  }

  mutating func scheduleEnd(_ id: String, at time: Int64, atPeriodEnd: Bool) {
    let now = now
    changeSubscription(id) {
      $0.cancelAtPeriodEnd = atPeriodEnd
      $0.cancelAt = time
      $0.canceledAt = now
      $0.cancellationReason = "cancellation_requested"
    }
  }

  /// Takes a scheduled end back, whichever way it was scheduled.
  package mutating func reactivate(_ id: String) throws(StripeFault) {
    guard !(try subscription(id)).isOver else { throw StripeAccount.isCanceled }
    changeSubscription(id) {
      $0.cancelAtPeriodEnd = false
      $0.cancelAt = nil
      $0.canceledAt = nil
      $0.cancellationReason = nil
    }
  }

  static let isCanceled = StripeFault(
    "A canceled subscription can only update its cancellation_details and metadata.")

  /// The end itself. Open invoices stay open, but nothing tries to collect them.
  mutating func end(_ id: String, reason: String) {
    guard let subscription = subscriptions[id], !subscription.isOver else { return }
    for invoice in invoices.all
    where invoice.subscription == id && (invoice.status == .open || invoice.status == .draft) {
      changeInvoice(invoice.id, nil) {
        $0.autoAdvance = false
        $0.nextAttempt = nil
        $0.finalizesAt = nil
      }
    }
    pendingItems[id] = nil
    let now = now
    changeSubscription(id, nil) {
      $0.status = .canceled
      $0.endedAt = now
      $0.canceledAt = $0.canceledAt ?? now
      $0.cancellationReason = $0.cancellationReason ?? reason
      $0.pause = nil
    }
    if let ended = subscriptions[id] { emit("customer.subscription.deleted", .subscription(ended)) }
  }

  mutating func expireIncomplete(_ id: String) {
    guard let subscription = subscriptions[id] else { return }
    let now = now
    changeSubscription(id) {
      $0.status = .incompleteExpired
      $0.endedAt = now
    }
    if let invoice = subscription.latestInvoice, invoices[invoice]?.status == .open { voidOpen(invoice) }
  }

  /// Pauses the collection of payments: the subscription stays active.
  package mutating func pauseCollection(_ id: String, _ pause: Subscription.Pause) throws(StripeFault) {
    guard !(try subscription(id)).isOver else { throw StripeAccount.isCanceled }
    if let time = pause.resumesAt, time <= now {
      throw StripeFault("resumes_at must be in the future.", param: "pause_collection[resumes_at]")
    }
    changeSubscription(id) { $0.pause = pause }
  }

  /// Collects again from the next invoice on.
  package mutating func resumeCollection(_ id: String) throws(StripeFault) {
    guard !(try subscription(id)).isOver else { throw StripeAccount.isCanceled }
    changeSubscription(id) { $0.pause = nil }
  }

  /// `/resume`: a subscription that is `paused` begins a new period, once that is paid.
  package mutating func resume(_ id: String) throws(StripeFault) {
    let subscription = try subscription(id)
    guard subscription.status == .paused else {
      throw StripeFault(
        "This subscription cannot be resumed because it is not paused. Its status is "
          + "\(subscription.status.rawValue).")
    }
    var next = subscription
    next.billingCycleAnchor = now
    next.periodStart = now
    next.periodEnd = next.next(after: now)
    let lines = lines(of: next, from: next.periodStart, to: next.periodEnd)
    let invoice = draft(next, .update, lines: lines, from: now, to: now, finalizesAt: nil)
    next.latestInvoice = invoice
    changeSubscription(id) { $0 = next }
    finalizeAndCollect(invoice)
  }
}
