extension APIRoute {
  static let subscriptions: [APIRoute] = [
    APIRoute("POST", "/v1/subscriptions") { account, call throws(StripeFault) in
      let new = try call.newSubscription(now: account.now)
      if let card = try call.card() { try account.setCard(new.customer, card) }
      call.parameters.accept(
        "payment_settings", "off_session", "currency", "billing_mode", "proration_behavior")
      try call.parameters.finish()
      let id = try account.subscribe(new)
      return try account.subscription(id).json(call.rendering.shape)
    },
    APIRoute("GET", "/v1/subscriptions") { account, call throws(StripeFault) in
      let customer = try call.parameters.text("customer")
      let price = try call.parameters.text("price")
      let status = try call.parameters.text("status")
      let words = ["all", "ended"]
      guard status.map({ words.contains($0) || Status(rawValue: $0) != nil }) ?? true else {
        throw StripeFault("Invalid status: \(status ?? "")", param: "status")
      }
      let shape = call.rendering.shape
      return try call.page(
        account.subscriptions, kind: "subscription", url: "/v1/subscriptions", created: \.created, id: \.id,
        where: { row in
          guard customer == nil || row.customer == customer else { return false }
          guard price == nil || row.items.contains(where: { $0.price.id == price }) else { return false }
          switch status {
          case nil: return row.status != .canceled
          case "all": return true
          case "ended": return row.isOver
          default: return row.status.rawValue == status
          }
        }, { $0.json(shape) })
    },
    APIRoute("GET", "/v1/subscriptions/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      return try account.subscription(call.id).json(call.rendering.shape)
    },
    APIRoute("POST", "/v1/subscriptions/:id") { account, call throws(StripeFault) in
      try call.update(&account)
      return try account.subscription(call.id).json(call.rendering.shape)
    },
    APIRoute("DELETE", "/v1/subscriptions/:id") { account, call throws(StripeFault) in
      let invoiceNow = try call.parameters.bool("invoice_now") ?? false
      let prorate = try call.parameters.bool("prorate") ?? false
      call.parameters.accept("cancellation_details")
      try call.parameters.finish()
      try account.cancel(call.id, invoiceNow: invoiceNow, prorate: prorate)
      return try account.subscription(call.id).json(call.rendering.shape)
    },
    APIRoute("POST", "/v1/subscriptions/:id/resume") { account, call throws(StripeFault) in
      call.parameters.accept("billing_cycle_anchor", "proration_behavior", "proration_date")
      try call.parameters.finish()
      try account.resume(call.id)
      return try account.subscription(call.id).json(call.rendering.shape)
    },
  ]

  private typealias Status = StripeAccount.Subscription.Status
}

extension APICall {
  private enum PaymentBehavior: String {
    case allow = "allow_incomplete"
    case wait = "default_incomplete"
    case error = "error_if_incomplete"
  }

  private enum Collection: String {
    case charge = "charge_automatically"
    case send = "send_invoice"
  }

  fileprivate mutating func newSubscription(now: Int64) throws(StripeFault) -> StripeAccount.NewSubscription {
    var new = StripeAccount.NewSubscription(customer: try parameters.required("customer"), price: "")
    guard
      let items = try parameters.list(
        "items",
        { (item: inout Parameters) throws(StripeFault) in
          item.accept("metadata", "tax_rates")
          return (price: try item.required("price"), quantity: try item.int("quantity") ?? 1)
        })
    else { throw .required("items") }
    new.items = items
    new.metadata = try parameters.metadata()
    new.description = try parameters.text("description")
    let days = try parameters.int("trial_period_days")
    new.trialEnd = try trialEnd(now: now) ?? days.map { now + $0 * BillingCalendar.day }
    new.cancelAtPeriodEnd = try parameters.bool("cancel_at_period_end") ?? false
    new.cancelAt = try parameters.int("cancel_at")
    new.sendsInvoice = try parameters.word("collection_method", Collection.self) == .send
    new.daysUntilDue = try parameters.int("days_until_due")
    guard !new.sendsInvoice || new.daysUntilDue != nil else { throw .required("days_until_due") }
    let behavior = try parameters.word("payment_behavior", PaymentBehavior.self) ?? .allow
    new.waitsForPayment = behavior == .wait
    new.failsWithoutPayment = behavior == .error
    let atTrialEnd = try parameters.below("trial_settings") {
      (settings: inout Parameters) throws(StripeFault) in
      try settings.below("end_behavior") { (end: inout Parameters) throws(StripeFault) in
        try end.word("missing_payment_method", StripeAccount.Subscription.TrialEnd.self)
      }
    }
    new.atTrialEnd = ((atTrialEnd ?? nil) ?? nil) ?? .createInvoice
    return new
  }

  /// `now`, or Unix seconds.
  private mutating func trialEnd(now: Int64) throws(StripeFault) -> Int64? {
    try parameters.text("trial_end") == "now" ? now : parameters.int("trial_end")
  }

  /// Items, trial and anchor of a change; `prefix` fields are read where the parameters stand now.
  mutating func change(
    over metadata: [String: String], now: Int64
  ) throws(StripeFault) -> StripeAccount.SubscriptionChange {
    var change = StripeAccount.SubscriptionChange()
    change.items =
      try parameters.list("items") { (item: inout Parameters) throws(StripeFault) in
        item.accept("metadata", "tax_rates", "clear_usage")
        let id = try item.text("id")
        return StripeAccount.SubscriptionChange.Item(
          id: id, price: try item.text("price"), quantity: try item.int("quantity"),
          isDeleted: try item.bool("deleted") ?? false, isNew: id == nil)
      } ?? []
    change.proration =
      try parameters.word("proration_behavior", StripeAccount.SubscriptionChange.Proration.self) ?? .create
    change.trialEnd = try trialEnd(now: now)
    switch try parameters.text("billing_cycle_anchor") {
    case nil, "unchanged": break
    case "now": change.startsNewCycle = true
    default: throw StripeFault("Invalid billing_cycle_anchor", param: "billing_cycle_anchor")
    }
    let after = try parameters.metadata(over: metadata)
    if after != metadata { change.metadata = after }
    return change
  }

  fileprivate mutating func update(_ account: inout StripeAccount) throws(StripeFault) {
    let before = try account.subscription(id)
    var change = try change(over: before.metadata, now: account.now)
    let behavior = try parameters.word("payment_behavior", PaymentBehavior.self) ?? .allow
    change.failsWithoutPayment = behavior == .error
    let atEnd = try parameters.bool("cancel_at_period_end")
    let clearsDate = parameters.isCleared("cancel_at")
    let date = try parameters.int("cancel_at")
    guard atEnd != true || date == nil else {
      throw StripeFault(
        "You may only specify one of these parameters: cancel_at_period_end, cancel_at.", param: "cancel_at")
    }
    if let date, date <= account.now {
      throw StripeFault("The cancel_at date must be in the future.", param: "cancel_at")
    }
    let clearsPause = parameters.isCleared("pause_collection")
    let pause = try parameters.below("pause_collection") { (pause: inout Parameters) throws(StripeFault) in
      guard let behavior = try pause.word("behavior", StripeAccount.Subscription.Pause.Behavior.self) else {
        throw .required(pause.full("behavior"))
      }
      return StripeAccount.Subscription.Pause(behavior, resumesAt: try pause.int("resumes_at"))
    }
    let card = try card()
    parameters.accept(
      "cancellation_details", "collection_method", "days_until_due", "description", "off_session",
      "payment_settings", "proration_date", "trial_settings")
    try parameters.finish()
    if let card { try account.setCard(before.customer, card) }
    try account.update(id, change)
    if atEnd == true { try account.cancelAtPeriodEnd(id) }
    if (atEnd == false && before.cancelAtPeriodEnd) || clearsDate { try account.reactivate(id) }
    if let date {
      guard !before.isOver else { throw StripeAccount.isCanceled }
      account.scheduleEnd(id, at: date, atPeriodEnd: false)
    }
    if let pause { try account.pauseCollection(id, pause) }
    if clearsPause { try account.resumeCollection(id) }
  }
}
