extension APIRoute {
  static let checkout: [APIRoute] = [
    APIRoute("POST", "/v1/checkout/sessions") { account, call throws(StripeFault) in
      let new = try call.newSession(now: account.now)
      let id = try account.openCheckout(new)
      return account.sessions[id]?.json ?? .null
    },
    APIRoute("GET", "/v1/checkout/sessions") { account, call throws(StripeFault) in
      let customer = try call.parameters.text("customer")
      let subscription = try call.parameters.text("subscription")
      let intent = try call.parameters.text("payment_intent")
      let status = try call.parameters.word("status", StripeAccount.CheckoutSession.Status.self)
      return try call.page(
        account.sessions, kind: "checkout.session", url: "/v1/checkout/sessions", created: \.created,
        id: \.id,
        where: {
          (customer == nil || $0.customer == customer)
            && (subscription == nil || $0.subscription == subscription)
            && (intent == nil || $0.paymentIntent == intent) && (status == nil || $0.status == status)
        }, \.json)
    },
    APIRoute("GET", "/v1/checkout/sessions/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      return try account.session(call.id).json
    },
    APIRoute("GET", "/v1/checkout/sessions/:id/line_items") { account, call throws(StripeFault) in
      let session = try account.session(call.id)
      return try call.part(
        of: session.lineItems, url: "/v1/checkout/sessions/\(session.id)/line_items")
    },
    APIRoute("POST", "/v1/checkout/sessions/:id/expire") { account, call throws(StripeFault) in
      try call.parameters.finish()
      _ = try account.session(call.id)
      try account.expireCheckout(call.id)
      return try account.session(call.id).json
    },
  ]
}

extension StripeAccount {
  func session(_ id: String) throws(StripeFault) -> CheckoutSession {
    guard let session = sessions[id] else { throw .missing("checkout.session", id, param: "session") }
    return session
  }
}

extension APICall {
  /// A page of what an object holds, in its own order.
  mutating func part(of items: [JSON], url: String) throws(StripeFault) -> JSON {
    let limit = try parameters.int("limit") ?? 10
    guard (1...100).contains(limit) else {
      throw StripeFault("Invalid limit: must be between 1 and 100 (was \(limit))", param: "limit")
    }
    let after = try parameters.text("starting_after")
    try parameters.finish()
    var rest = items[...]
    if let after {
      guard let index = items.firstIndex(where: { $0["id"].string == after }) else {
        throw .noSuch("line item", after, param: "starting_after")
      }
      rest = items[(index + 1)...]
    }
    return .list(Array(rest.prefix(Int(limit))), url: url, hasMore: rest.count > limit)
  }

  fileprivate mutating func newSession(now: Int64) throws(StripeFault) -> StripeAccount.NewSession {
    guard let mode = try parameters.text("mode"), !mode.isEmpty else { throw .required("mode") }
    guard let mode = StripeAccount.CheckoutSession.Mode(rawValue: mode) else {
      throw StripeFault("Invalid mode: must be one of payment or subscription", param: "mode")
    }
    var new = StripeAccount.NewSession(mode, price: "")
    new.items =
      try parameters.list("line_items") { (item: inout Parameters) throws(StripeFault) in
        item.accept("adjustable_quantity", "tax_rates", "dynamic_tax_rates")
        return (price: try item.required("price"), quantity: try item.int("quantity") ?? 0)
      } ?? []
    new.customer = try parameters.text("customer")
    new.customerEmail = try parameters.text("customer_email")
    guard new.customer == nil || new.customerEmail == nil else {
      throw StripeFault(
        "You may only specify one of these parameters: customer, customer_email.", param: "customer")
    }
    new.clientReference = try parameters.text("client_reference_id")
    if let reference = new.clientReference,
      reference.utf8.count > 200
        || !reference.utf8.allSatisfy({ APICall.isReferenceByte($0) })
    {
      throw StripeFault(
        "`client_reference_id` may contain only alphanumeric characters, dashes and underscores, up to 200.",
        param: "client_reference_id")
    }
    new.metadata = try parameters.metadata()
    new.successURL = try parameters.text("success_url")
    new.cancelURL = try parameters.text("cancel_url")
    for (name, url) in [("success_url", new.successURL), ("cancel_url", new.cancelURL)] {
      guard let url else { continue }
      guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
        throw StripeFault(
          "Not a valid URL", code: "url_invalid", param: name)
      }
    }
    guard new.successURL != nil else { throw .required("success_url") }
    new.needsAddress = try parameters.text("billing_address_collection") == "required"
    new.expiresAt = try parameters.int("expires_at")
    try readData(into: &new)
    parameters.accept(
      "allow_promotion_codes", "locale", "payment_method_collection", "payment_method_types",
      "customer_creation", "customer_update", "submit_type", "automatic_tax", "tax_id_collection",
      "ui_mode", "consent_collection", "custom_text", "phone_number_collection", "currency")
    try parameters.finish()
    return new
  }

  private mutating func readData(into new: inout StripeAccount.NewSession) throws(StripeFault) {
    let ofSubscription = try parameters.below("subscription_data") {
      (data: inout Parameters) throws(StripeFault) in
      data.accept(
        "description", "trial_settings", "billing_cycle_anchor", "proration_behavior", "billing_mode")
      return (
        metadata: try data.metadata(), days: try data.int("trial_period_days"),
        end: try data.int("trial_end")
      )
    }
    let ofPayment = try parameters.below("payment_intent_data") {
      (data: inout Parameters) throws(StripeFault) in
      data.accept("description", "setup_future_usage", "receipt_email", "statement_descriptor")
      return try data.metadata()
    }
    if let data = ofSubscription {
      guard new.mode == .subscription else {
        throw StripeFault(
          "You can not pass `subscription_data` in `payment` mode.", param: "subscription_data")
      }
      new.subscriptionMetadata = data.metadata
      new.trialDays = data.days
      new.trialEnd = data.end
    }
    if let ofPayment {
      guard new.mode == .payment else {
        throw StripeFault(
          "You can not pass `payment_intent_data` in `subscription` mode.", param: "payment_intent_data")
      }
      new.paymentMetadata = ofPayment
    }
  }

  private static func isReferenceByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
