extension StripeAccount {
  /// Changes a subscription, and tells of it by an event (none for `type` nil) if there was a change and its
  /// creation has been told.
  mutating func changeSubscription(
    _ id: String, _ type: String? = "customer.subscription.updated", _ change: (inout Subscription) -> Void
  ) {
    guard let before = subscriptions[id] else { return }
    var after = before
    change(&after)
    subscriptions[id] = after
    if after != before, let type, before.isAnnounced {
      emit(type, .subscription(after), before: .subscription(before))
    }
  }

  mutating func changeInvoice(
    _ id: String, _ type: String? = "invoice.updated", _ change: (inout Invoice) -> Void
  ) {
    guard let before = invoices[id] else { return }
    var after = before
    change(&after)
    invoices[id] = after
    if after != before, let type { emit(type, .invoice(after), before: .invoice(before)) }
  }

  mutating func changeCustomer(
    _ id: String, _ type: String? = "customer.updated", _ change: (inout Customer) -> Void
  ) {
    guard let before = customers[id] else { return }
    var after = before
    change(&after)
    customers[id] = after
    if after != before, let type { emit(type, .customer(after), before: .customer(before)) }
  }

  func liveCustomer(_ id: String, param: String = "customer") throws(StripeFault) -> Customer {
    guard let customer = customers[id], !customer.isDeleted else {
      throw .noSuch("customer", id, param: param)
    }
    return customer
  }

  func subscription(_ id: String) throws(StripeFault) -> Subscription {
    guard let subscription = subscriptions[id] else { throw .missing("subscription", id) }
    return subscription
  }

  func invoice(_ id: String) throws(StripeFault) -> Invoice {
    guard let invoice = invoices[id] else { throw .missing("invoice", id, param: "invoice") }
    return invoice
  }

  func price(_ id: String, param: String) throws(StripeFault) -> Price {
    guard let price = prices[id] else { throw .noSuch("price", id, param: param) }
    guard price.isActive else {
      throw StripeFault("The price specified is inactive.", param: param)
    }
    return price
  }
}
