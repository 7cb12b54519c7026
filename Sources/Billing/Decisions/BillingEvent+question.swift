package import Gate

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
      clues.add(email: object.customerEmail)
      question.subscription = object.id
      question.prices = object.items.compactMap(\.price)
      question.invoices = [object.latestInvoice].compactMap { $0 }
    case .invoicePaid(let invoice), .invoiceFailed(let invoice, _), .invoiceClosed(let invoice):
      clues.add(metadata: invoice.metadata)
      clues.add(metadata: invoice.subscriptionMetadata)
      for line in invoice.lines { clues.add(metadata: line.metadata) }
      clues.add(subscription: invoice.subscription)
      clues.add(customer: invoice.customer)
      clues.add(email: invoice.customerEmail)
      question.subscription = invoice.subscription
      let now = invoice.subscriptionNow
      question.prices = invoice.lines.compactMap(\.price) + (now?.items.compactMap(\.price) ?? [])
      question.invoices = [invoice.id] + [now?.latestInvoice].compactMap { $0 }
    case .checkoutCompleted(let session), .checkoutFailed(let session, _):
      clues.add(metadata: session.metadata)
      clues.add(metadata: session.subscriptionMetadata)
      clues.add(reference: session.clientReference)
      clues.add(subscription: session.subscription)
      clues.add(customer: session.customer)
      clues.add(email: session.email)
      question.subscription = session.mode == "subscription" ? session.subscription : nil
      question.prices = session.prices
    case .charge(let charge, _):
      clues.add(customer: charge.customer)
      question.payments = charge.references
    case .customer(let customer, let isDeletion):
      if !isDeletion {
        clues.add(metadata: customer.metadata)
        clues.add(customer: customer.id)
        clues.add(email: customer.email)
      }
    case .invoicePayment, .ignored, .unreadable: break
    }
    question.owner = clues.clues
    return question
  }

  /// Names of the locks under which it is decided: one subscription's events, and one purchase's, go one
  /// after the other.
  package var locks: [String] {
    switch self {
    case .subscription(let object, _): ["stripe:\(object.id)"]
    case .invoicePaid(let invoice), .invoiceFailed(let invoice, _), .invoiceClosed(let invoice):
      ["stripe:\(invoice.subscription ?? invoice.id)"]
    case .invoicePayment(let invoice, _): ["stripe:\(invoice)"]
    case .checkoutCompleted(let session), .checkoutFailed(let session, _):
      ["stripe:\(session.id)"] + (session.subscription.map { ["stripe:\($0)"] } ?? [])
    case .charge(let charge, _): charge.references.map { "stripe:\($0)" }
    case .customer(let customer, _): ["stripe:\(customer.id)"]
    case .ignored, .unreadable: []
    }
  }

  /// What it makes known once it is processed, in the words of ``WebhookTrail/waitsFor``.
  package var makesKnown: [String] {
    switch self {
    case .subscription(let object, _): known(object.id, object.customer, [])
    case .invoicePaid(let invoice), .invoiceFailed(let invoice, _), .invoiceClosed(let invoice):
      known(invoice.subscription, invoice.customer, [invoice.id] + invoice.payments)
    case .invoicePayment(_, let payments): known(nil, nil, payments)
    case .checkoutCompleted(let session): known(session.subscription, session.customer, session.payments)
    case .customer(let customer, _): known(nil, customer.id, [])
    case .checkoutFailed, .charge, .ignored, .unreadable: []
    }
  }

  private func known(_ subscription: String?, _ customer: String?, _ payments: [String]) -> [String] {
    [subscription.map { "subscription:\($0)" }, customer.map { "customer:\($0)" }].compactMap { $0 }
      + payments.map { "payment:\($0)" }
  }
}
