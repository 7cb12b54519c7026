extension StripeAccount {
  /// The next invoice of a subscription as it would be, with a change tried on it; nothing is changed.
  /// Throws `invoice_upcoming_none` where there will be none.
  package func preview(_ id: String, _ change: SubscriptionChange? = nil) throws(StripeFault) -> Invoice {
    var trial = self
    let before = try subscription(id)
    if let change {
      try trial.update(id, change)
      let latest = trial.subscriptions[id]?.latestInvoice
      if let latest, latest != before.latestInvoice, let invoice = trial.invoices[latest] {
        return StripeAccount.asPreview(invoice)
      }
    }
    guard let subscription = trial.subscriptions[id], !subscription.isOver, subscription.cancelAt == nil,
      subscription.status != .paused, subscription.status != .incomplete
    else {
      throw StripeFault(
        "No upcoming invoices for customer: \(before.customer)", status: 404, code: "invoice_upcoming_none")
    }
    var next = subscription
    next.status = .active
    next.periodStart = subscription.periodEnd
    next.periodEnd = next.next(after: subscription.periodEnd)
    trial.now = subscription.periodEnd
    let lines = trial.lines(of: next, from: next.periodStart, to: next.periodEnd)
    let invoice = trial.draft(
      next, .upcoming, lines: lines, from: subscription.periodStart, to: subscription.periodEnd,
      finalizesAt: subscription.periodEnd + settings.draftSeconds)
    guard let draft = trial.invoices[invoice] else { throw .missing("invoice", invoice) }
    return StripeAccount.asPreview(draft)
  }

  private static func asPreview(_ invoice: Invoice) -> Invoice {
    var invoice = invoice
    invoice.isPreview = true
    invoice.status = .draft
    invoice.reason = .upcoming
    invoice.id = "upcoming_\(invoice.id)"
    return invoice
  }
}
