extension StripeAccount {
  /// Something that the clock brings.
  private enum Due {
    case sessionExpires(String), debitSettles(String), incompleteExpires(String), trialWarning(String)
    case trialEnds(String), periodEnds(String), cancels(String), resumes(String), upcoming(String)
    case finalizes(String), retries(String)
  }

  /// Moves the clock forward and does everything that falls due on the way, in its order. A time in the past
  /// changes nothing.
  package mutating func advance(to time: Int64) {
    while let next = nextDue(), next.time <= time {
      now = max(now, next.time)
      perform(next.due)
    }
    now = max(now, time)
  }

  /// Moves the clock forward by a span.
  package mutating func advance(days: Int64 = 0, hours: Int64 = 0, seconds: Int64 = 0) {
    advance(to: now + days * BillingCalendar.day + hours * 3600 + seconds)
  }

  /// Moves the clock just past a subscription's renewal and the hour after which it is charged.
  package mutating func advanceToRenewal(of id: String) {
    guard let subscription = subscriptions[id] else { return }
    advance(to: subscription.periodEnd + settings.draftSeconds + 1)
  }

  /// The earliest thing to come; of several at one time the first in the order of this list.
  private func nextDue() -> (time: Int64, due: Due)? {
    var first: (time: Int64, due: Due)?
    func consider(_ time: Int64?, _ due: Due) {
      if let time, first.map({ time < $0.time }) ?? true { first = (time, due) }
    }
    for session in sessions.all {
      if session.status == .open { consider(session.expiresAt, .sessionExpires(session.id)) }
      consider(session.settlesAt, .debitSettles(session.id))
    }
    for invoice in invoices.all {
      if invoice.status == .draft { consider(invoice.finalizesAt, .finalizes(invoice.id)) }
      if invoice.status == .open { consider(invoice.nextAttempt, .retries(invoice.id)) }
    }
    for subscription in subscriptions.all where !subscription.isOver {
      let id = subscription.id
      if subscription.status == .incomplete {
        consider(subscription.created + settings.incompleteSeconds, .incompleteExpires(id))
        continue
      }
      if subscription.status == .paused {
        consider(subscription.cancelAt, .cancels(id))
        continue
      }
      consider(subscription.pause?.resumesAt, .resumes(id))
      consider(subscription.cancelAt, .cancels(id))
      if subscription.status == .trialing, let end = subscription.trialEnd {
        if subscription.warnedTrialEnd != end { consider(end - 3 * BillingCalendar.day, .trialWarning(id)) }
        consider(end, .trialEnds(id))
        continue
      }
      let notice = subscription.periodEnd - settings.upcomingNoticeDays * BillingCalendar.day
      if subscription.warnedPeriodEnd != subscription.periodEnd, subscription.cancelAt == nil,
        notice > subscription.periodStart
      {
        consider(notice, .upcoming(id))
      }
      consider(subscription.periodEnd, .periodEnds(id))
    }
    return first
  }

  private mutating func perform(_ due: Due) {
    switch due {
    case .sessionExpires(let id): expireOpen(id)
    case .debitSettles(let id): settleDebit(id, succeeds: true)
    case .incompleteExpires(let id): expireIncomplete(id)
    case .trialWarning(let id): warnOfTrialEnd(id)
    case .trialEnds(let id): endTrial(id)
    case .periodEnds(let id): renew(id)
    case .cancels(let id): end(id, reason: "cancellation_requested")
    case .resumes(let id): changeSubscription(id) { $0.pause = nil }
    case .upcoming(let id): announceUpcoming(id)
    case .finalizes(let id): finalizeAndCollect(id)
    case .retries(let id): collect(id)
    }
  }

  private mutating func announceUpcoming(_ id: String) {
    changeSubscription(id, nil) { $0.warnedPeriodEnd = $0.periodEnd }
    if let invoice = try? preview(id) { emit("invoice.upcoming", .invoice(invoice)) }
  }

  private mutating func endTrial(_ id: String) {
    guard let subscription = subscriptions[id] else { return }
    let hasCard = customers[subscription.customer]?.card != nil || subscription.sendsInvoice
    guard !hasCard, subscription.total > 0 else { return renew(id) }
    switch subscription.atTrialEnd {
    case .createInvoice: renew(id)
    case .cancel: end(id, reason: "cancellation_requested")
    case .pause:
      changeSubscription(id) { $0.status = .paused }
      if let paused = subscriptions[id] { emit("customer.subscription.paused", .subscription(paused)) }
    }
  }

  /// The next period begins; its invoice stays a draft for an hour.
  private mutating func renew(_ id: String) {
    guard var subscription = subscriptions[id] else { return }
    let last = (start: subscription.periodStart, end: subscription.periodEnd)
    subscription.periodStart = last.end
    subscription.periodEnd = subscription.next(after: last.end)
    if subscription.status == .trialing { subscription.status = .active }
    let lines = lines(of: subscription, from: subscription.periodStart, to: subscription.periodEnd)
    let staysDraft = subscription.status == .unpaid || subscription.pause?.behavior == .keepAsDraft
    let invoice = draft(
      subscription, .cycle, lines: lines, from: last.start, to: last.end,
      finalizesAt: staysDraft ? nil : now + settings.draftSeconds)
    if staysDraft { changeInvoice(invoice, nil) { $0.autoAdvance = false } }
    subscription.latestInvoice = invoice
    changeSubscription(id) { $0 = subscription }
  }
}
