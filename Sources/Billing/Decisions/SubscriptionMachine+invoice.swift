import Gate

extension SubscriptionMachine {
  /// A paid invoice was seen. Returns what is missing, or nil when it was taken in.
  ///
  /// The reset rules of STRIPE.md: the invoice is paid (seen to by the caller), it has a non-proration
  /// subscription line for a price that maps to a plan, and that line's period starts later than the last
  /// one granted. `billing_reason` and `invoice.period_*` say nothing of it.
  mutating func pay(_ invoice: StripeInvoice) -> BillingDecision? {
    actions.append(
      .noteInvoicePaid(invoice: invoice.id, subscription: row.id, payments: invoice.payments))
    row.customer = row.customer ?? invoice.customer
    if isOver { return nil }
    let lines = invoice.lines.filter { $0.subscription == nil || $0.subscription == row.id }
    let periods = lines.filter { $0.isSubscription && !$0.isProration && $0.periodStart != nil }
    let mapped = periods.compactMap { line in
      book.plan(price: line.price).map { PaidPeriod(plan: $0, line: line, invoice: invoice.id) }
    }
    if let main = mapped.max(by: { isBefore($0, $1) }) {
      takePeriod(main, seats: mapped, invoice: invoice)
      return nil
    }
    if !periods.isEmpty { return .unknownPrice(periods.compactMap(\.price)) }
    // The line that counts may be on a later page.
    if invoice.hasMoreLines { return .unmatched("the event does not hold all lines of the invoice") }
    return takeProrations(lines, invoice: invoice)
  }

  /// A payment failed: the subscription owes it, unless the invoice is known to be paid by now.
  mutating func fail(_ invoice: StripeInvoice) {
    guard !isOver, !invoice.isPaid, !paidInvoices.contains(invoice.id),
      invoice.billingReason != "subscription_create", row.status == SubscriptionStatus.active,
      row.latestInvoice == nil || row.latestInvoice == invoice.id
        || invoice.lines.contains(where: { ($0.periodStart ?? .distantPast) >= row.currentPeriodStart ?? now }
        )
    else { return }
    row.latestInvoice = invoice.id
    set(status: SubscriptionStatus.pastDue)
  }

  /// A period of the subscription that an invoice has paid for.
  struct PaidPeriod {
    var plan: Plan
    var line: StripeInvoice.Line
    var invoice: String
    var isTrial = false
    var start: Instant { line.periodStart ?? .distantPast }
  }

  private func isBefore(_ left: PaidPeriod, _ right: PaidPeriod) -> Bool {
    left.start != right.start
      ? left.start < right.start : book.isBetter(right.plan.name, than: left.plan.name)
  }

  private mutating func takePeriod(_ main: PaidPeriod, seats mapped: [PaidPeriod], invoice: StripeInvoice) {
    let heldStart = row.currentPeriodStart
    let isNewPeriod = heldStart.map { main.start > $0 } ?? true
    let isCurrent = isNewPeriod || main.start == heldStart
    if isCurrent {
      if isNewPeriod || stored == nil {
        let quantity = mapped.filter { $0.start == main.start }.reduce(0) { $0 + $1.line.quantity }
        row.seats = min(max(1, quantity), 1_000_000)
      }
      row.currentPeriodStart = main.start
      if isNewPeriod || row.currentPeriodEnd == nil { row.currentPeriodEnd = main.line.periodEnd }
      take(plan: main.plan, price: main.line.price, isNewPeriod: isNewPeriod)
    }
    let isTrial = main.line.amount == 0 && (main.line.saysTrial || self.isTrial(end: main.line.periodEnd))
    notePayment(invoice, isCurrent: isCurrent, isTrial: isTrial)
    // Budgets by calendar are begun by the check itself. An older period than the last one granted begins nothing.
    guard main.plan.budget.period == .subscription,
      latestGrant.map({ main.start > $0.periodStart }) ?? true
    else { return }
    paidPeriod = main
    paidPeriod?.isTrial = isTrial
    // What `settle` goes on with: the new grant is right as it is, and the older ones are superseded.
    grants = []
  }

  /// The budget of a paid period.
  func newGrant(_ main: PaidPeriod) -> NewPeriodGrant {
    // A higher plan that was seen in this very period already counts at once.
    let plan = row.currentPeriodStart == main.start ? book.plan(row.plan) ?? main.plan : main.plan
    let end = main.line.periodEnd ?? row.currentPeriodEnd ?? main.start
    return NewPeriodGrant(
      account: owner.account, subscription: row.id, invoice: main.invoice,
      tokens: book.tokens(plan, account: owner.account, seats: row.seats, isTrial: main.isTrial),
      periodStart: main.start, periodEnd: end, expiresAt: end.advanced(seconds: plan.budget.graceSeconds),
      isTrial: main.isTrial)
  }

  /// Only prorations: a change within the period. A higher plan counts at once; the amount charged tells
  /// the new price's lines from the old one's, which are credited.
  private mutating func takeProrations(
    _ lines: [StripeInvoice.Line], invoice: StripeInvoice
  ) -> BillingDecision? {
    let charged = lines.filter { $0.isProration && $0.amount > 0 }
    let mapped = charged.compactMap { line in book.plan(price: line.price).map { (plan: $0, line: line) } }
    if mapped.isEmpty, !charged.isEmpty { return .unknownPrice(charged.compactMap(\.price)) }
    let ends = mapped.filter { isInCurrentPeriod($0.line) }
    if let best = ends.max(by: { book.isBetter($1.plan.name, than: $0.plan.name) }), row.plan != nil,
      book.isBetter(best.plan.name, than: row.plan)
    {
      take(plan: best.plan, price: best.line.price, isNewPeriod: false)
    }
    notePayment(invoice, isCurrent: invoice.id == row.latestInvoice, isTrial: false)
    return nil
  }

  /// A proration ends with the period that it is in; one of a past period must not raise the present one.
  private func isInCurrentPeriod(_ line: StripeInvoice.Line) -> Bool {
    guard let start = row.currentPeriodStart, let lineStart = line.periodStart else { return true }
    return lineStart >= start
  }

  /// A payment makes an unknown or unpaid state good.
  private mutating func notePayment(_ invoice: StripeInvoice, isCurrent: Bool, isTrial: Bool) {
    guard isCurrent else { return }
    let owes = SubscriptionStatus.isOfUnpaidInvoice(row.status)
    // A later invoice than this one may be what it owes.
    let isTheOne =
      row.latestInvoice == nil || row.latestInvoice == invoice.id
      || row.currentPeriodStart != stored?.currentPeriodStart
    let leavesTrial =
      row.status == SubscriptionStatus.trialing && !isTrial
      && row.currentPeriodStart != stored?.currentPeriodStart
    if (owes && isTheOne) || leavesTrial {
      set(status: isTrial ? SubscriptionStatus.trialing : SubscriptionStatus.active)
    }
    row.latestInvoice = row.latestInvoice ?? invoice.id
    if row.currentPeriodStart != stored?.currentPeriodStart { row.latestInvoice = invoice.id }
  }
}
