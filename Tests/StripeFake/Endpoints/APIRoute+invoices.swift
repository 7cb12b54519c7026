extension APIRoute {
  static let invoices: [APIRoute] = [
    APIRoute("GET", "/v1/invoices") { account, call throws(StripeFault) in
      let customer = try call.parameters.text("customer")
      let subscription = try call.parameters.text("subscription")
      let status = try call.parameters.word("status", StripeAccount.Invoice.Status.self)
      call.parameters.accept("collection_method", "due_date")
      let rendering = call.rendering
      return try call.page(
        account.invoices, kind: "invoice", url: "/v1/invoices", created: \.created, id: \.id,
        where: {
          (customer == nil || $0.customer == customer)
            && (subscription == nil || $0.subscription == subscription)
            && (status == nil || $0.status == status)
        }, { $0.json(rendering) })
    },
    APIRoute("POST", "/v1/invoices/create_preview", preview),
    APIRoute("GET", "/v1/invoices/upcoming", preview),
    APIRoute("GET", "/v1/invoices/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      return try account.invoice(call.id).json(call.rendering)
    },
    APIRoute("GET", "/v1/invoices/:id/lines") { account, call throws(StripeFault) in
      let invoice = try account.invoice(call.id)
      let lines = invoice.lines.map { invoice.lineJSON($0, call.rendering.shape) }
      return try call.part(of: lines, url: "/v1/invoices/\(invoice.id)/lines")
    },
    APIRoute("POST", "/v1/invoices/:id/pay") { account, call throws(StripeFault) in
      let outOfBand = try call.parameters.bool("paid_out_of_band") ?? false
      let card = try call.card()
      call.parameters.accept("forgive", "off_session", "mandate")
      try call.parameters.finish()
      let invoice = try account.invoice(call.id)
      if let card { try account.setCard(invoice.customer, card) }
      try account.pay(call.id, outOfBand: outOfBand)
      return try account.invoice(call.id).json(call.rendering)
    },
    APIRoute("POST", "/v1/invoices/:id/void") { account, call throws(StripeFault) in
      try call.parameters.finish()
      try account.void(call.id)
      return try account.invoice(call.id).json(call.rendering)
    },
    APIRoute("POST", "/v1/invoices/:id/mark_uncollectible") { account, call throws(StripeFault) in
      try call.parameters.finish()
      try account.markUncollectible(call.id)
      return try account.invoice(call.id).json(call.rendering)
    },
    APIRoute("POST", "/v1/invoices/:id/finalize") { account, call throws(StripeFault) in
      call.parameters.accept("auto_advance")
      try call.parameters.finish()
      guard try account.invoice(call.id).status == .draft else {
        throw StripeFault(
          "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
          code: "invoice_not_editable")
      }
      account.finalize(call.id)
      return try account.invoice(call.id).json(call.rendering)
    },
  ]

  /// The upcoming invoice, of a subscription or of the customer's only one, with a change tried on it.
  private static let preview: Handler = { account, call throws(StripeFault) in
    let customer = try call.parameters.text("customer")
    let wanted = try call.parameters.text("subscription")
    if let customer { _ = try account.liveCustomer(customer) }
    let live = account.subscriptions.all.filter { $0.customer == customer && !$0.isOver }
    guard customer != nil || wanted != nil else { throw .required("customer") }
    guard let id = wanted ?? live.last?.id else {
      throw StripeFault(
        "No upcoming invoices for customer: \(customer ?? "")", status: 404, code: "invoice_upcoming_none")
    }
    guard let subscription = account.subscriptions[id], customer.map({ $0 == subscription.customer }) ?? true
    else { throw .noSuch("subscription", id, param: "subscription") }
    let (rendering, undelivered, now) = (call.rendering, call.undelivered, account.now)
    let tried = try call.parameters.below("subscription_details") {
      (details: inout Parameters) throws(StripeFault) in
      var inner = APICall(id: id, parameters: details, rendering: rendering, undelivered: undelivered)
      let change = try inner.change(over: subscription.metadata, now: now)
      let ends = try inner.parameters.bool("cancel_at_period_end") ?? false
      inner.parameters.accept("cancel_at", "cancel_now", "proration_date")
      details = inner.parameters
      return (change: change, ends: ends)
    }
    call.parameters.accept("automatic_tax", "discounts", "preview_mode", "currency")
    try call.parameters.finish()
    var attempt = account
    if tried?.ends == true { try attempt.cancelAtPeriodEnd(id) }
    return try attempt.preview(id, tried?.change).json(rendering)
  }
}
