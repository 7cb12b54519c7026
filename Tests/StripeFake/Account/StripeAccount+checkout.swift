extension StripeAccount {
  /// What a Checkout session is opened with.
  package struct NewSession: Sendable {
    package var mode: CheckoutSession.Mode
    /// Prices and quantities.
    package var items: [(price: String, quantity: Int64)]
    package var customer: String?
    package var customerEmail: String?
    package var clientReference: String?
    package var metadata: [String: String] = [:]
    package var subscriptionMetadata: [String: String] = [:]
    var paymentMetadata: [String: String] = [:]
    package var trialDays: Int64?
    var trialEnd: Int64?
    package var successURL: String?
    package var cancelURL: String?
    var expiresAt: Int64?
    var needsAddress = false

    /// One price in the mode that fits it.
    package init(
      _ mode: CheckoutSession.Mode, price: String, quantity: Int64 = 1, customer: String? = nil,
      email: String? = nil
    ) {
      self.mode = mode
      items = [(price, quantity)]
      self.customer = customer
      customerEmail = email
    }
  }

  /// Opens a session; its id.
  package mutating func openCheckout(_ new: NewSession) throws(StripeFault) -> String {
    if let customer = new.customer { _ = try liveCustomer(customer) }
    guard !new.items.isEmpty else { throw .required("line_items") }
    var items: [CheckoutSession.Item] = []
    for (index, item) in new.items.enumerated() {
      let price = try price(item.price, param: "line_items[\(index)][price]")
      if new.mode == .payment, price.interval != nil {
        throw StripeFault(
          "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode "
            + "or use only one-time prices.")
      }
      guard item.quantity >= 1 else {
        throw StripeFault("Invalid quantity.", param: "line_items[\(index)][quantity]")
      }
      items.append(
        CheckoutSession.Item(id: newID("li_1", length: 23), price: price, quantity: item.quantity))
    }
    if new.mode == .subscription, !items.contains(where: { $0.price.interval != nil }) {
      throw StripeFault("You must provide at least one recurring price in `subscription` mode.")
    }
    let expiry = new.expiresAt ?? now + BillingCalendar.day
    guard (now + 1800...now + BillingCalendar.day).contains(expiry) else {
      throw StripeFault(
        "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
        param: "expires_at")
    }
    let id = newID("cs_test_a1", length: 56)
    var session = CheckoutSession(
      id: id, mode: new.mode, items: items, created: now, expiresAt: expiry, customer: new.customer,
      customerEmail: new.customerEmail, email: new.customerEmail, clientReference: new.clientReference,
      metadata: new.metadata, url: "\(settings.pageBase)/c/pay/\(id)")
    session.email = new.customer.flatMap { customers[$0]?.email } ?? new.customerEmail
    session.subscriptionMetadata = new.subscriptionMetadata
    session.paymentMetadata = new.paymentMetadata
    session.trialDays = new.trialDays
    session.trialEnd = new.trialEnd
    session.successURL = new.successURL
    session.cancelURL = new.cancelURL
    session.needsAddress = new.needsAddress
    sessions[id] = session
    return id
  }

  /// A person ends the page of an open session. `email` is what was typed where the session didn't know.
  package mutating func completeCheckout(
    _ id: String, _ payment: CheckoutPayment = .card, email: String? = nil
  ) throws(StripeFault) {
    guard var session = sessions[id] else { throw .missing("checkout.session", id, param: "session") }
    guard session.status == .open else {
      throw StripeFault("This Checkout Session is \(session.status.rawValue).")
    }
    if case .declined(let code) = payment {
      let intent = makeIntent(customer: session.customer, amount: session.total, currency: session.currency)
      _ = charge(intent, .declined(code))
      return
    }
    session.email = session.email ?? email ?? "buyer@example.com"
    let customer = try buyer(of: session)
    session.customer = customer ?? session.customer
    if payment == .free { session.discount = session.subtotal }
    let isFree = session.total == 0
    switch session.mode {
    case .subscription: try subscribe(&session, payment)
    case .payment: pay(&session, payment)
    }
    session.status = .complete
    session.paymentStatus = payment == .delayed && !isFree ? .unpaid : isFree ? .noPaymentRequired : .paid
    if session.paymentStatus == .unpaid {
      session.settlesAt = now + settings.debitDays * BillingCalendar.day
    }
    sessions[id] = session
    emit("checkout.session.completed", .session(session))
  }

  /// The customer of a session with a card: the given one, or for a subscription a new one.
  private mutating func buyer(of session: CheckoutSession) throws(StripeFault) -> String? {
    guard let id = session.customer else {
      guard session.mode == .subscription else { return nil }
      return makeCustomer(NewCustomer(email: session.email))
    }
    if try liveCustomer(id).card == nil { try setCard(id, .succeeds) }
    return id
  }

  private mutating func subscribe(
    _ session: inout CheckoutSession, _ payment: CheckoutPayment
  ) throws(StripeFault) {
    guard let customer = session.customer, let first = session.items.first else { return }
    var new = NewSubscription(
      customer: customer, price: first.price.id, quantity: first.quantity,
      metadata: session.subscriptionMetadata,
      trialEnd: session.trialEnd ?? session.trialDays.map { now + $0 * BillingCalendar.day })
    new.items = session.items.filter { $0.price.interval != nil }.map { ($0.price.id, $0.quantity) }
    new.isFromCheckout = true
    new.isFirstInvoiceFree = payment == .free
    new.waitsForPayment = payment == .delayed
    let id = try subscribe(new)
    session.subscription = id
    session.invoice = subscriptions[id]?.latestInvoice
    if payment == .delayed, let invoice = session.invoice, invoices[invoice]?.status == .open {
      startDebit(invoice: invoice)
      changeSubscription(id) { $0.status = .active }
    }
  }

  private mutating func startDebit(invoice id: String) {
    guard let invoice = invoices[id] else { return }
    let intent = makeIntent(
      customer: invoice.customer, amount: invoice.amountDue, currency: invoice.currency, invoice: id)
    process(intent)
    changeInvoice(id, nil) { $0.paymentIntent = intent }
  }

  private mutating func process(_ id: String) {
    guard var intent = paymentIntents[id] else { return }
    intent.status = .processing
    paymentIntents[id] = intent
    emit("payment_intent.processing", .paymentIntent(intent))
  }

  private mutating func pay(_ session: inout CheckoutSession, _ payment: CheckoutPayment) {
    guard session.total > 0 else { return }
    let intent = makeIntent(
      customer: session.customer, amount: session.total, currency: session.currency,
      metadata: session.paymentMetadata)
    session.paymentIntent = intent
    if payment == .delayed { process(intent) } else { _ = charge(intent, .succeeds) }
  }

  /// A bank debit comes to its end, before the clock does it.
  package mutating func settleDebit(_ id: String, succeeds: Bool) {
    guard var session = sessions[id], session.settlesAt != nil else { return }
    session.settlesAt = nil
    if succeeds { session.paymentStatus = .paid }
    sessions[id] = session
    let outcome: PaymentOutcome = succeeds ? .succeeds : .declined("insufficient_funds")
    if let invoice = session.invoice, let customer = session.customer {
      changeCustomer(customer, nil) { $0.nextPayments.insert(outcome, at: 0) }
      collect(invoice)
      if !succeeds { changeSubscription(session.subscription ?? "") { $0.status = .pastDue } }
    } else if let intent = session.paymentIntent {
      _ = charge(intent, outcome)
    }
    let end = succeeds ? "succeeded" : "failed"
    emit("checkout.session.async_payment_\(end)", .session(session))
  }

  /// Ends an open session without a purchase.
  package mutating func expireCheckout(_ id: String) throws(StripeFault) {
    guard let session = sessions[id] else { throw .missing("checkout.session", id, param: "session") }
    guard session.status == .open else {
      throw StripeFault(
        "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a "
          + "status of \(session.status.rawValue).")
    }
    expireOpen(id)
  }

  mutating func expireOpen(_ id: String) {
    guard var session = sessions[id] else { return }
    session.status = .expired
    sessions[id] = session
    emit("checkout.session.expired", .session(session))
  }

  /// A visit to the customer portal; its id.
  package mutating func openPortal(_ customer: String, returnURL: String?) throws(StripeFault) -> String {
    _ = try liveCustomer(customer)
    let id = newID("bps_1", length: 23)
    let session = PortalSession(
      id: id, customer: customer, created: now, returnURL: returnURL,
      url: "\(settings.pageBase)/p/session/\(newID("test_", length: 32))")
    portalSessions[id] = session
    emit("billing_portal.session.created", .portalSession(session))
    return id
  }
}
