import Gate
import Logging

/// What Stripe says now, where it can be asked: an event says what was once, and not all of that.
extension EventProcessor {
  /// What a charge has paid for, where that is not known here. Called with its locks held; takes those of what it
  /// finds.
  func trace(_ open: inout OpenEvent, in transaction: any BillingTransaction) async throws(StoreError) {
    guard case .charge(var charge, let news) = open.subject, news != .refundedInPart,
      open.facts.purchases.isEmpty, !open.facts.isPaymentKnown, let stripe = stripe?.inLane(.event)
    else { return }
    let known = charge.references
    await ask("charge") { () async throws(StripeError) in try await charge.trace(stripe) }
    guard charge.references != known else { return }
    open.subject = .charge(charge, news)
    try await transaction.lock(open.subject.locks)
    open.facts = try await transaction.facts(open.subject.question)
  }

  /// Where Stripe doesn't answer or has no such thing, the event's own object does, as without a key.
  func current(_ event: BillingEvent) async -> BillingEvent {
    guard let stripe = stripe?.inLane(.event) else { return event }
    var current = event
    switch event {
    case .subscription(let object, let news) where news != .deletion:
      await ask("subscription") { () async throws(StripeError) in
        if let now = try await stripe.subscription(object.id), now.id == object.id {
          current = .subscription(now, news)
        }
      }
    case .invoicePaid(var invoice) where invoice.hasMoreLines:
      await ask("invoice lines") { () async throws(StripeError) in
        invoice.replaceLines(try await stripe.all("/v1/invoices/\(StripeForm.escape(invoice.id))/lines"))
        current = .invoicePaid(invoice)
      }
    case .checkoutCompleted(var session) where session.mode == "payment" && session.items.isEmpty:
      await ask("line items") { () async throws(StripeError) in
        session.takeLines(
          try await stripe.all("/v1/checkout/sessions/\(StripeForm.escape(session.id))/line_items"))
        current = .checkoutCompleted(session)
      }
    default: break
    }
    return current
  }

  /// The invoice with its subscription as it is now, where it would change the mirror by itself: what it tells is
  /// of its own time, and what came after it may have been told already. nil: it decides alone.
  func inform(_ event: BillingEvent, _ decision: BillingDecision) async -> BillingEvent? {
    guard let stripe = stripe?.inLane(.event), decision.savesSubscription else { return nil }
    switch event {
    case .invoicePaid(var invoice):
      await askNow(&invoice, stripe)
      return invoice.subscriptionNow.map { _ in .invoicePaid(invoice) }
    case .invoiceFailed(var invoice, let needsAction):
      await askNow(&invoice, stripe)
      return invoice.subscriptionNow.map { _ in .invoiceFailed(invoice, needsAction: needsAction) }
    default: return nil
    }
  }

  private func askNow(_ invoice: inout StripeInvoice, _ stripe: StripeClient) async {
    guard let id = invoice.subscription else { return }
    var now: StripeSubscription?
    await ask("subscription") { () async throws(StripeError) in now = try await stripe.subscription(id) }
    if now?.id == id { invoice.subscriptionNow = now }
  }

  private func ask(_ what: String, _ body: () async throws(StripeError) -> Void) async {
    do {
      try await body()
    } catch {
      logger.warning("stripe was not asked", metadata: ["stripe.object": "\(what)", "error": "\(error)"])
    }
  }
}

extension BillingDecision {
  fileprivate var savesSubscription: Bool {
    actions.contains { if case .saveSubscription = $0 { true } else { false } }
  }
}

extension StripeCharge {
  /// Finds what it paid for: since basil neither it nor the invoice says so, but the invoice's payments do.
  mutating func trace(_ stripe: StripeClient) async throws(StripeError) {
    if paymentIntent == nil, let charge {
      take(try await stripe.get("/v1/charges/\(StripeForm.escape(charge))"))
    }
    guard let paymentIntent else { return }
    var query = StripeForm()
    query.set("payment[type]", "payment_intent")
    query.set("payment[payment_intent]", paymentIntent)
    for payment in try await stripe.all("/v1/invoice_payments", query) {
      if let invoice = payment["invoice"].id { add(invoice) }
    }
    var sessions = StripeForm()
    sessions.set("payment_intent", paymentIntent)
    for session in try await stripe.all("/v1/checkout/sessions", sessions) {
      if let id = session["id"].id { add(id) }
    }
  }
}
