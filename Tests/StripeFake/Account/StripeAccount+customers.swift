extension StripeAccount {
  /// What a customer is made with.
  package struct NewCustomer: Sendable {
    package var email: String?
    var name: String?
    var phone: String?
    var description: String?
    package var metadata: [String: String] = [:]
    package var balance: Int64 = 0
    /// How payments go; nil: there is no payment method.
    package var card: PaymentOutcome?

    /// A customer, with a card that works unless said otherwise.
    package init(
      email: String? = nil, metadata: [String: String] = [:], balance: Int64 = 0,
      card: PaymentOutcome? = .succeeds
    ) {
      self.email = email
      self.metadata = metadata
      self.balance = balance
      self.card = card
    }
  }

  /// Makes a customer; its id.
  @discardableResult
  package mutating func makeCustomer(_ new: NewCustomer = NewCustomer()) -> String {
    let id = newID("cus_")
    var customer = Customer(
      id: id, created: now, email: new.email, name: new.name, phone: new.phone, description: new.description,
      metadata: new.metadata, balance: new.balance, invoicePrefix: newID("", length: 8).uppercased())
    customers[id] = customer
    if new.card != nil { customer = withCard(customer, new.card) }
    customers[id] = customer
    emit("customer.created", .customer(customer))
    return id
  }

  /// Gives a customer a card, in place of the one that it had.
  package mutating func setCard(_ id: String, _ outcome: PaymentOutcome?) throws(StripeFault) {
    let customer = withCard(try liveCustomer(id), outcome)
    changeCustomer(id) { $0 = customer }
  }

  private mutating func withCard(_ customer: Customer, _ outcome: PaymentOutcome?) -> Customer {
    var customer = customer
    customer.card = outcome
    customer.paymentMethod = nil
    if outcome != nil {
      let method = PaymentMethod(id: newID("pm_1", length: 23), customer: customer.id, created: now)
      paymentMethods[method.id] = method
      customer.paymentMethod = method.id
      emit("payment_method.attached", .paymentMethod(method))
    }
    return customer
  }

  /// The next `count` payments of a customer are refused; after them its card counts again.
  package mutating func failNextPayments(
    _ id: String, count: Int = 1, as outcome: PaymentOutcome = .declined("insufficient_funds")
  ) throws(StripeFault) {
    _ = try liveCustomer(id)
    changeCustomer(id, nil) { $0.nextPayments = Array(repeating: outcome, count: count) }
  }

  /// The card works again, and what is owed is paid: every open invoice, oldest first. Of an unpaid
  /// subscription the latest invoice is still a draft; it is finalized for that.
  package mutating func recover(_ id: String) throws(StripeFault) {
    _ = try liveCustomer(id)
    changeCustomer(id, nil) { $0.nextPayments = [] }
    try setCard(id, .succeeds)
    for subscription in subscriptions.all
    where subscription.customer == id && subscription.status == .unpaid && subscription.pause == nil {
      if let latest = subscription.latestInvoice { finalize(latest) }
    }
    for invoice in invoices.all where invoice.customer == id && invoice.status == .open {
      collect(invoice.id)
    }
  }

  /// Changes what a customer says of itself.
  package mutating func updateCustomer(
    _ id: String, _ change: (inout Customer) -> Void
  ) throws(StripeFault) {
    _ = try liveCustomer(id, param: "id")
    changeCustomer(id, "customer.updated", change)
  }

  /// Ends its subscriptions at once, and then itself.
  package mutating func deleteCustomer(_ id: String) throws(StripeFault) {
    _ = try liveCustomer(id, param: "id")
    for subscription in subscriptions.all where subscription.customer == id && !subscription.isOver {
      try cancel(subscription.id)
    }
    changeCustomer(id, nil) { $0.isDeleted = true }
    if let customer = customers[id] { emit("customer.deleted", .customer(customer)) }
  }

  /// What the bank says next; the queue goes before the card.
  mutating func nextOutcome(_ id: String) -> PaymentOutcome? {
    guard let customer = customers[id] else { return nil }
    guard let first = customer.nextPayments.first else { return customer.card }
    changeCustomer(id, nil) { $0.nextPayments.removeFirst() }
    return first
  }
}
