extension StripeAccount {
  /// Tries to take what an open invoice asks for; whether it is paid now.
  @discardableResult
  mutating func collect(_ id: String) -> Bool {
    guard let invoice = invoices[id], invoice.status == .open else { return false }
    guard invoice.amountDue > 0 else {
      settle(id)
      return true
    }
    let intent = intent(of: invoice)
    changeInvoice(id, nil) {
      $0.attempts += 1
      $0.wasAttempted = true
      $0.paymentIntent = intent
    }
    let outcome = nextOutcome(invoice.customer)
    let charge = charge(intent, outcome)
    changeInvoice(id, nil) { $0.charge = charge ?? $0.charge }
    if outcome == .succeeds {
      settle(id)
      return true
    }
    fail(id, needsAction: outcome == .needsAction)
    return false
  }

  /// The intent of an invoice, made at the first attempt.
  private mutating func intent(of invoice: Invoice) -> String {
    if let intent = invoice.paymentIntent { return intent }
    return makeIntent(
      customer: invoice.customer, amount: invoice.amountDue, currency: invoice.currency, invoice: invoice.id)
  }

  mutating func makeIntent(
    customer: String?, amount: Int64, currency: String, invoice: String? = nil,
    metadata: [String: String] = [:]
  ) -> String {
    let intent = PaymentIntent(
      id: newID("pi_3", length: 23), customer: customer, amount: amount, currency: currency, created: now,
      invoice: invoice, metadata: metadata)
    paymentIntents[intent.id] = intent
    emit("payment_intent.created", .paymentIntent(intent))
    return intent.id
  }

  /// One attempt; the charge's id, where it came to one.
  mutating func charge(_ intentID: String, _ outcome: PaymentOutcome?) -> String? {
    guard var intent = paymentIntents[intentID] else { return nil }
    guard let outcome else { return nil }
    if outcome == .needsAction {
      intent.status = .requiresAction
      paymentIntents[intentID] = intent
      emit("payment_intent.requires_action", .paymentIntent(intent))
      return nil
    }
    var charge = Charge(
      id: newID("ch_3", length: 23), customer: intent.customer, amount: intent.amount,
      currency: intent.currency, created: now, paymentIntent: intent.id, invoice: intent.invoice,
      metadata: intent.metadata)
    if case .declined(let code) = outcome { charge.declineCode = code }
    charges[charge.id] = charge
    intent.latestCharge = charge.id
    intent.declineCode = charge.declineCode
    intent.status = charge.declineCode == nil ? .succeeded : .requiresPaymentMethod
    paymentIntents[intentID] = intent
    let succeeded = charge.declineCode == nil
    emit(succeeded ? "charge.succeeded" : "charge.failed", .charge(charge))
    emit(
      succeeded ? "payment_intent.succeeded" : "payment_intent.payment_failed", .paymentIntent(intent))
    return charge.id
  }

  /// The invoice is paid: two events of one payment, one of a payment that went past Stripe.
  mutating func settle(_ id: String, outOfBand: Bool = false) {
    guard let invoice = invoices[id], invoice.status == .open || invoice.status == .uncollectible else {
      return
    }
    let now = now
    changeInvoice(id) {
      $0.status = .paid
      $0.paidAt = now
      $0.amountPaid = outOfBand ? 0 : $0.amountDue
      $0.isPaidOutOfBand = outOfBand
      $0.wasAttempted = true
      $0.nextAttempt = nil
    }
    guard let paid = invoices[id] else { return }
    if let intent = paid.paymentIntent, !outOfBand {
      let payment = InvoicePayment(
        id: newID("inpay_1", length: 23), invoice: id, paymentIntent: intent, amount: paid.amountDue,
        currency: paid.currency, created: now)
      invoicePayments[payment.id] = payment
      emit("invoice_payment.paid", .invoicePayment(payment))
    }
    emit("invoice.paid", .invoice(paid))
    if !outOfBand { emit("invoice.payment_succeeded", .invoice(paid)) }
    subscriptionGotPaid(paid)
  }

  /// The state of a subscription follows its latest invoice.
  private mutating func subscriptionGotPaid(_ invoice: Invoice) {
    guard let subscription = subscriptions[invoice.subscription],
      subscription.latestInvoice == invoice.id
    else { return }
    switch subscription.status {
    case .incomplete, .pastDue, .unpaid:
      changeSubscription(subscription.id) { $0.status = .active }
    case .paused:
      changeSubscription(subscription.id, "customer.subscription.resumed") { $0.status = .active }
    case .active, .trialing, .canceled, .incompleteExpired: break
    }
  }

  private mutating func fail(_ id: String, needsAction: Bool) {
    guard let invoice = invoices[id] else { return }
    let retry = invoice.reason == .create || !invoice.autoAdvance ? nil : retryTime(after: invoice.attempts)
    changeInvoice(id) { $0.nextAttempt = retry }
    guard let failed = invoices[id] else { return }
    emit("invoice.payment_failed", .invoice(failed))
    if needsAction { emit("invoice.payment_action_required", .invoice(failed)) }
    guard let subscription = subscriptions[invoice.subscription],
      subscription.latestInvoice == invoice.id
    else { return }
    if subscription.status == .active || subscription.status == .trialing {
      changeSubscription(subscription.id) { $0.status = .pastDue }
    }
    if retry == nil, invoice.reason != .create, subscription.status != .paused {
      endDunning(subscription.id)
    }
  }

  private func retryTime(after attempts: Int64) -> Int64? {
    let index = Int(attempts) - 1
    guard settings.retryDays.indices.contains(index) else { return nil }
    return now + settings.retryDays[index] * BillingCalendar.day
  }

  private mutating func endDunning(_ id: String) {
    guard let subscription = subscriptions[id], subscription.status == .pastDue else { return }
    switch settings.dunningEnd {
    case .pastDue: break
    case .unpaid: changeSubscription(id) { $0.status = .unpaid }
    case .cancel: end(id, reason: "payment_failed")
    }
  }
}
