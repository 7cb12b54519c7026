package import Gate

/// What an event is about, once its object is read: the types that have an effect, and all the others.
package enum BillingEvent {
  case subscription(StripeSubscription, isDeletion: Bool)
  case invoicePaid(StripeInvoice)
  case invoiceFailed(StripeInvoice)
  case checkoutCompleted(StripeCheckoutSession)
  case charge(StripeCharge, reason: String)
  case customer(StripeCustomer, isDeletion: Bool)
  /// Stored, of no effect.
  case ignored(String)
  /// It should have had one, but its object can't be read.
  case unreadable

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
    switch type {
    case "invoice.paid", "invoice.payment_succeeded":
      // One payment emits both; both mean the same.
      return StripeInvoice(object).map { .invoicePaid($0) }
    case "invoice.payment_failed", "invoice.payment_action_required":
      return StripeInvoice(object).map { .invoiceFailed($0) }
    case "checkout.session.completed", "checkout.session.async_payment_succeeded":
      return StripeCheckoutSession(object).map { .checkoutCompleted($0) }
    case "checkout.session.async_payment_failed", "checkout.session.expired":
      return .ignored("nothing was bought")
    case "customer.subscription.deleted":
      return StripeSubscription(object).map { .subscription($0, isDeletion: true) }
    case "customer.subscription.created", "customer.subscription.updated", "customer.subscription.paused",
      "customer.subscription.resumed", "customer.subscription.trial_will_end",
      "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired":
      return StripeSubscription(object).map { .subscription($0, isDeletion: false) }
    case "charge.refunded":
      guard let charge = StripeCharge(object) else { return nil }
      return charge.isRefunded ? .charge(charge, reason: "refunded") : .ignored("refunded in part")
    case "charge.dispute.created":
      return StripeCharge(object).map { .charge($0, reason: "disputed") }
    case "customer.updated", "customer.created":
      return StripeCustomer(object).map { .customer($0, isDeletion: false) }
    case "customer.deleted":
      return StripeCustomer(object).map { .customer($0, isDeletion: true) }
    default:
      return .ignored("type has no effect")
    }
  }
}

extension BillingEvent {
  /// What must be read before it can be decided on.
  package var question: BillingQuestion {
    var clues = OwnerClues()
    var question = BillingQuestion()
    switch self {
    case .subscription(let object, _):
      clues.add(metadata: object.metadata)
      clues.add(subscription: object.id)
      clues.add(customer: object.customer)
      question.subscription = object.id
      question.prices = object.items.compactMap(\.price)
      question.invoices = [object.latestInvoice].compactMap { $0 }
    case .invoicePaid(let invoice), .invoiceFailed(let invoice):
      clues.add(metadata: invoice.metadata)
      clues.add(metadata: invoice.subscriptionMetadata)
      for line in invoice.lines { clues.add(metadata: line.metadata) }
      clues.add(subscription: invoice.subscription)
      clues.add(customer: invoice.customer)
      clues.add(email: invoice.customerEmail)
      question.subscription = invoice.subscription
      question.prices = invoice.lines.compactMap(\.price)
      question.invoices = [invoice.id]
    case .checkoutCompleted(let session):
      clues.add(metadata: session.metadata)
      clues.add(metadata: session.subscriptionMetadata)
      clues.add(reference: session.clientReference)
      clues.add(subscription: session.subscription)
      clues.add(customer: session.customer)
      clues.add(email: session.email)
      question.subscription = session.mode == "subscription" ? session.subscription : nil
      question.prices = session.prices
    case .charge(let charge, _):
      question.payments = charge.references
    case .customer(let customer, let isDeletion):
      if !isDeletion {
        clues.add(metadata: customer.metadata)
        clues.add(customer: customer.id)
      }
    case .ignored, .unreadable: break
    }
    question.owner = clues.clues
    return question
  }

  /// Names of the locks under which it is decided: one subscription's events, and one purchase's, go one
  /// after the other.
  package var locks: [String] {
    switch self {
    case .subscription(let object, _): ["stripe:\(object.id)"]
    case .invoicePaid(let invoice), .invoiceFailed(let invoice):
      ["stripe:\(invoice.subscription ?? invoice.id)"]
    case .checkoutCompleted(let session):
      ["stripe:\(session.id)"] + (session.subscription.map { ["stripe:\($0)"] } ?? [])
    case .charge(let charge, _): charge.references.map { "stripe:\($0)" }
    case .customer(let customer, _): ["stripe:\(customer.id)"]
    case .ignored, .unreadable: []
    }
  }

  /// Texts that a stored unmatched event would have in it that this event may make match.
  package var mentions: [String] {
    switch self {
    case .subscription(let object, _): [object.id, object.customer].compactMap { $0 }
    case .invoicePaid(let invoice), .invoiceFailed(let invoice):
      [invoice.subscription, invoice.customer, invoice.id].compactMap { $0 } + invoice.payments
    case .checkoutCompleted(let session):
      [session.subscription, session.customer].compactMap { $0 } + session.payments
    case .customer(let customer, _): [customer.id]
    case .charge, .ignored, .unreadable: []
    }
  }
}
