extension StripeAccount {
  /// A draft for a subscription, with the prorations that waited for it standing first.
  mutating func draft(
    _ subscription: Subscription, _ reason: Invoice.Reason, lines: [Invoice.Line],
    from start: Int64, to end: Int64, finalizesAt: Int64?
  ) -> String {
    let pending = pendingItems.removeValue(forKey: subscription.id) ?? []
    let customer = customers[subscription.customer]
    var invoice = Invoice(
      id: newID("in_1", length: 23), customer: subscription.customer, customerEmail: customer?.email,
      customerName: customer?.name, subscription: subscription.id,
      subscriptionMetadata: subscription.metadata, reason: reason, lines: pending.map(\.line) + lines,
      currency: subscription.currency, created: now, periodStart: start, periodEnd: end,
      sendsInvoice: subscription.sendsInvoice, finalizesAt: finalizesAt)
    invoice.startingBalance = customer?.balance ?? 0
    if subscription.isFirstInvoiceFree, reason == .create { invoice.discount = max(0, invoice.subtotal) }
    invoices[invoice.id] = invoice
    emit("invoice.created", .invoice(invoice))
    return invoice.id
  }

  /// A line for each item, of the whole period.
  mutating func lines(of subscription: Subscription, from start: Int64, to end: Int64) -> [Invoice.Line] {
    let isTrial = subscription.status == .trialing && end == subscription.trialEnd
    return subscription.items.map { item in
      let name = products[item.price.product]?.name ?? item.price.product
      return Invoice.Line(
        id: newID("il_1", length: 23), amount: isTrial ? 0 : item.price.amount * item.quantity,
        price: item.price, quantity: item.quantity, periodStart: start, periodEnd: end,
        description: isTrial
          ? "Trial period for \(name)" : "\(item.quantity) × \(name) (\(item.price.words))",
        subscription: subscription.id, subscriptionItem: item.id, metadata: subscription.metadata)
    }
  }

  /// A draft becomes final: numbered, with the customer's balance applied, and paid at once when that leaves
  /// nothing to pay.
  mutating func finalize(_ id: String) {
    guard let invoice = invoices[id], invoice.status == .draft, let customer = customers[invoice.customer]
    else { return }
    let (total, balance) = (invoice.total, customer.balance)
    let left = total < 0 ? balance + total : balance < 0 ? min(0, balance + total) : 0
    let due = subscriptions[invoice.subscription]?.daysUntilDue ?? 30
    let number = "\(customer.invoicePrefix)-\(String(10_000 + customer.nextInvoiceNumber).dropFirst())"
    let now = now
    changeInvoice(id, nil) {
      $0.status = .open
      $0.finalizesAt = nil
      $0.finalizedAt = now
      $0.startingBalance = balance
      $0.endingBalance = left
      $0.number = number
      if $0.sendsInvoice { $0.dueDate = now + due * BillingCalendar.day }
    }
    changeCustomer(customer.id, left == balance ? nil : "customer.updated") {
      $0.balance = left
      $0.nextInvoiceNumber += 1
    }
    guard let final = invoices[id] else { return }
    emit("invoice.finalized", .invoice(final))
    if final.sendsInvoice { emit("invoice.sent", .invoice(final)) }
  }

  /// Finalizes and pays a draft, as the subscription's collection says.
  mutating func finalizeAndCollect(_ id: String) {
    if let subscription = invoices[id]?.subscription,
      subscriptions[subscription]?.pause?.behavior == .keepAsDraft
    {
      changeInvoice(id, nil) {
        $0.autoAdvance = false
        $0.finalizesAt = nil
      }
      return
    }
    finalize(id)
    guard let invoice = invoices[id], invoice.status == .open else { return }
    if let pause = subscriptions[invoice.subscription]?.pause, invoice.amountDue > 0 {
      switch pause.behavior {
      case .markUncollectible: markOpenUncollectible(id)
      case .void, .keepAsDraft: voidOpen(id)
      }
    } else if !invoice.sendsInvoice || invoice.amountDue == 0 {
      collect(id)
    }
  }

  /// Pays an open or uncollectible invoice by the customer's card; past Stripe with `outOfBand`.
  package mutating func pay(_ id: String, outOfBand: Bool = false) throws(StripeFault) {
    let invoice = try invoice(id)
    if invoice.status == .draft { finalize(id) }
    switch invoice.status {
    case .paid: throw StripeFault("Invoice is already paid", code: "invoice_already_paid")
    case .void:
      throw StripeFault("This invoice is void; it cannot be paid.", code: "invoice_not_editable")
    case .draft, .open, .uncollectible: break
    }
    if outOfBand {
      settle(id, outOfBand: true)
    } else {
      changeInvoice(id, nil) { $0.status = .open }
      guard collect(id) else {
        let code = invoices[id]?.paymentIntent.flatMap { paymentIntents[$0]?.declineCode }
        throw .declined(code ?? "generic_decline")
      }
    }
  }

  /// Voids an open or uncollectible invoice.
  package mutating func void(_ id: String) throws(StripeFault) {
    let invoice = try invoice(id)
    guard invoice.status == .open || invoice.status == .uncollectible else {
      throw StripeFault(
        "You can only pass in open or uncollectible invoices. This invoice is \(invoice.status.rawValue).",
        code: "invoice_not_editable")
    }
    voidOpen(id)
  }

  mutating func voidOpen(_ id: String) {
    let now = now
    changeInvoice(id) {
      $0.status = .void
      $0.voidedAt = now
      $0.nextAttempt = nil
    }
    guard let invoice = invoices[id] else { return }
    emit("invoice.voided", .invoice(invoice))
    if let intent = invoice.paymentIntent, var object = paymentIntents[intent] {
      object.status = .canceled
      paymentIntents[intent] = object
      emit("payment_intent.canceled", .paymentIntent(object))
    }
    guard let subscription = subscriptions[invoice.subscription], subscription.latestInvoice == id else {
      return
    }
    // Nothing is owed any more.
    if subscription.status == .pastDue || subscription.status == .unpaid {
      changeSubscription(subscription.id) { $0.status = .active }
    }
  }

  /// Gives up on an open invoice.
  package mutating func markUncollectible(_ id: String) throws(StripeFault) {
    guard try invoice(id).status == .open else {
      throw StripeFault("You can only mark open invoices uncollectible.", code: "invoice_not_editable")
    }
    markOpenUncollectible(id)
  }

  private mutating func markOpenUncollectible(_ id: String) {
    let now = now
    changeInvoice(id) {
      $0.status = .uncollectible
      $0.uncollectibleAt = now
      $0.nextAttempt = nil
    }
    if let invoice = invoices[id] { emit("invoice.marked_uncollectible", .invoice(invoice)) }
  }
}
