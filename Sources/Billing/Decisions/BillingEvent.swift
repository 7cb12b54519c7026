import Gate

/// What an event is about, once its object is read: the types that have an effect, and all the others.
package enum BillingEvent {
  case subscription(StripeSubscription, SubscriptionNews)
  case invoicePaid(StripeInvoice)
  /// A payment failed, or waits for the customer (`action_required`).
  case invoiceFailed(StripeInvoice, needsAction: Bool)
  /// It will not be paid any more, or not by Stripe.
  case invoiceClosed(StripeInvoice)
  /// By which payments an invoice was paid: since basil the invoice itself doesn't say.
  case invoicePayment(invoice: String, payments: [String])
  case checkoutCompleted(StripeCheckoutSession)
  /// Nothing came of it; `word` says why, for the audit log.
  case checkoutFailed(StripeCheckoutSession, word: String)
  case charge(StripeCharge, ChargeNews)
  case customer(StripeCustomer, isDeletion: Bool)
  /// Stored, of no effect.
  case ignored(String)
  /// It should have had one, but its object can't be read.
  case unreadable

  /// What happened to a subscription, beside what its object says.
  package enum SubscriptionNews: Sendable { case state, trialWillEnd, deletion }
  /// What happened to a charge.
  package enum ChargeNews: Sendable { case refunded, refundedInPart, disputed }

  /// `isLive` is the mode of the API key, nil without one.
  package init(_ event: StripeEvent, isLive: Bool?) {
    guard event.kind == "event" else {
      self = .ignored("\(event.kind) is not a v1 event")
      return
    }
    if let isLive, let eventIsLive = event.isLive, isLive != eventIsLive {
      self = .ignored(eventIsLive ? "live event, test key" : "test event, live key")
      return
    }
    self = BillingEvent.read(event.type, event.object) ?? .unreadable
  }

  private static func read(_ type: String, _ object: JSONValue) -> BillingEvent? {
    if let family = type.split(separator: ".").first {
      switch family {
      case "invoice", "invoice_payment": return invoice(type, object)
      case "checkout": return checkout(type, object)
      default: break
      }
    }
    switch type {
    case "customer.subscription.deleted":
      return StripeSubscription(object).map { .subscription($0, .deletion) }
    case "customer.subscription.trial_will_end":
      return StripeSubscription(object).map { .subscription($0, .trialWillEnd) }
    case "customer.subscription.created", "customer.subscription.updated", "customer.subscription.paused",
      "customer.subscription.resumed", "customer.subscription.pending_update_applied",
      "customer.subscription.pending_update_expired":
      return StripeSubscription(object).map { .subscription($0, .state) }
    case "charge.refunded":
      return StripeCharge(object).map { .charge($0, $0.isRefunded ? .refunded : .refundedInPart) }
    case "charge.dispute.created":
      return StripeCharge(object).map { .charge($0, .disputed) }
    case "customer.updated", "customer.created":
      return StripeCustomer(object).map { .customer($0, isDeletion: false) }
    case "customer.deleted":
      return StripeCustomer(object).map { .customer($0, isDeletion: true) }
    default:
      return .ignored("type has no effect")
    }
  }

  private static func invoice(_ type: String, _ object: JSONValue) -> BillingEvent? {
    switch type {
    case "invoice.paid", "invoice.payment_succeeded":
      // One payment emits both; both mean the same.
      return StripeInvoice(object).map { .invoicePaid($0) }
    case "invoice.payment_failed":
      return StripeInvoice(object).map { .invoiceFailed($0, needsAction: false) }
    case "invoice.payment_action_required":
      return StripeInvoice(object).map { .invoiceFailed($0, needsAction: true) }
    case "invoice.voided", "invoice.marked_uncollectible":
      return StripeInvoice(object).map { .invoiceClosed($0) }
    case "invoice_payment.paid":
      guard let invoice = object["invoice"].id else { return nil }
      let payment = object["payment"]
      let payments = [payment["payment_intent"].id, payment["charge"].id].compactMap { $0 }
      return .invoicePayment(invoice: invoice, payments: payments)
    default:
      return .ignored("type has no effect")
    }
  }

  private static func checkout(_ type: String, _ object: JSONValue) -> BillingEvent? {
    switch type {
    case "checkout.session.completed", "checkout.session.async_payment_succeeded":
      return StripeCheckoutSession(object).map { .checkoutCompleted($0) }
    case "checkout.session.async_payment_failed":
      return StripeCheckoutSession(object).map { .checkoutFailed($0, word: "payment_failed") }
    case "checkout.session.expired":
      return StripeCheckoutSession(object).map { .checkoutFailed($0, word: "expired") }
    default:
      return .ignored("type has no effect")
    }
  }
}
