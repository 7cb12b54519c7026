extension StripeAccount {
  /// Someone signs up by Checkout and pays by card: a customer, a subscription and its first invoice.
  package mutating func signUp(
    email: String, price: String, quantity: Int64 = 1, metadata: [String: String] = [:],
    clientReference: String? = nil, customer: String? = nil, trialDays: Int64? = nil
  ) throws(StripeFault) -> (customer: String, subscription: String, session: String) {
    var new = NewSession(.subscription, price: price, quantity: quantity, customer: customer)
    new.customerEmail = customer == nil ? email : nil
    new.metadata = metadata
    new.subscriptionMetadata = metadata
    new.clientReference = clientReference
    new.trialDays = trialDays
    let session = try openCheckout(new)
    try completeCheckout(session)
    return (sessions[session]?.customer ?? "", sessions[session]?.subscription ?? "", session)
  }

  /// A pack is bought once, by Checkout; the session's id.
  @discardableResult
  package mutating func buyPack(
    _ price: String, quantity: Int64 = 1, customer: String?, metadata: [String: String] = [:],
    clientReference: String? = nil, payment: CheckoutPayment = .card
  ) throws(StripeFault) -> String {
    var new = NewSession(.payment, price: price, quantity: quantity, customer: customer)
    new.metadata = metadata
    new.clientReference = clientReference
    let session = try openCheckout(new)
    try completeCheckout(session, payment)
    return session
  }

  /// Gives money back; nil: all that is left of the charge. The refund's id.
  @discardableResult
  package mutating func refund(
    charge id: String, amount: Int64? = nil, reason: String? = nil, metadata: [String: String] = [:]
  ) throws(StripeFault) -> String {
    guard let before = charges[id] else { throw .noSuch("charge", id, param: "charge") }
    let left = before.amount - before.amountRefunded
    guard before.declineCode == nil else {
      throw StripeFault("This charge has failed and can't be refunded.", code: "charge_not_refundable")
    }
    guard left > 0 else {
      throw StripeFault(
        "Charge \(id) has already been refunded.", code: "charge_already_refunded")
    }
    let amount = amount ?? left
    guard amount > 0 else {
      throw StripeFault(
        "Invalid positive integer", code: "parameter_invalid_integer", param: "amount")
    }
    guard amount <= left else {
      throw StripeFault(
        "Refund amount (\(StripeAccount.money(amount, before.currency))) is greater than unrefunded amount "
          + "on charge (\(StripeAccount.money(left, before.currency)))", param: "amount")
    }
    var after = before
    after.amountRefunded += amount
    charges[id] = after
    let refund = Refund(
      id: newID("re_3", length: 23), charge: id, amount: amount, paymentIntent: before.paymentIntent,
      currency: before.currency, created: now, reason: reason, metadata: metadata)
    refunds[refund.id] = refund
    emit("refund.created", .refund(refund))
    emit("charge.refunded", .charge(after), before: .charge(before))
    emit("charge.refund.updated", .refund(refund))
    emit("refund.updated", .refund(refund))
    return refund.id
  }

  /// A cardholder objects; the dispute's id.
  @discardableResult
  package mutating func dispute(charge id: String, reason: String = "fraudulent") throws(StripeFault)
    -> String
  {
    guard var charge = charges[id], charge.declineCode == nil else {
      throw .noSuch("charge", id, param: "charge")
    }
    guard charge.dispute == nil else { throw StripeFault("Charge \(id) has already been disputed.") }
    let dispute = Dispute(
      id: newID("du_1", length: 23), charge: id, paymentIntent: charge.paymentIntent, amount: charge.amount,
      currency: charge.currency, created: now, reason: reason)
    disputes[dispute.id] = dispute
    charge.dispute = dispute.id
    charges[id] = charge
    emit("charge.dispute.created", .dispute(dispute))
    emit("charge.dispute.funds_withdrawn", .dispute(dispute))
    return dispute.id
  }

  /// The bank has decided.
  package mutating func closeDispute(_ id: String, won: Bool) throws(StripeFault) {
    guard var dispute = disputes[id], dispute.status == .needsResponse else { throw .missing("dispute", id) }
    let before = dispute
    dispute.status = won ? .won : .lost
    disputes[id] = dispute
    emit("charge.dispute.closed", .dispute(dispute), before: .dispute(before))
    if won { emit("charge.dispute.funds_reinstated", .dispute(dispute)) }
  }

  /// The charge that paid an invoice, or a session's purchase.
  package func charge(of id: String) -> String? {
    if let invoice = invoices[id] { return invoice.status == .paid ? invoice.charge : nil }
    guard let session = sessions[id] else { return nil }
    if let invoice = session.invoice { return invoices[invoice]?.charge }
    return session.paymentIntent.flatMap { paymentIntents[$0]?.latestCharge }
  }
}
