extension APIRoute {
  static let customers: [APIRoute] = [
    APIRoute("POST", "/v1/customers") { account, call throws(StripeFault) in
      var new = StripeAccount.NewCustomer(card: nil)
      new.email = try call.parameters.text("email")
      new.name = try call.parameters.text("name")
      new.phone = try call.parameters.text("phone")
      new.description = try call.parameters.text("description")
      new.metadata = try call.parameters.metadata()
      new.balance = try call.parameters.int("balance") ?? 0
      new.card = try call.card()
      call.parameters.accept("address", "shipping", "preferred_locales", "tax_exempt", "test_clock")
      try call.parameters.finish()
      let id = account.makeCustomer(new)
      return account.customers[id]?.json ?? .null
    },
    APIRoute("GET", "/v1/customers") { account, call throws(StripeFault) in
      let email = try call.parameters.text("email")
      return try call.page(
        account.customers, kind: "customer", url: "/v1/customers", created: \.created, id: \.id,
        where: { !$0.isDeleted && (email == nil || $0.email == email) }, \.json)
    },
    APIRoute("GET", "/v1/customers/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let customer = account.customers[call.id] else { throw .missing("customer", call.id) }
      return customer.json
    },
    APIRoute("POST", "/v1/customers/:id") { account, call throws(StripeFault) in
      guard let before = account.customers[call.id], !before.isDeleted else {
        throw .missing("customer", call.id)
      }
      var after = before
      if let email = try call.parameters.text("email") { after.email = email.isEmpty ? nil : email }
      if let name = try call.parameters.text("name") { after.name = name.isEmpty ? nil : name }
      if let phone = try call.parameters.text("phone") { after.phone = phone.isEmpty ? nil : phone }
      if let text = try call.parameters.text("description") { after.description = text.isEmpty ? nil : text }
      after.metadata = try call.parameters.metadata(over: before.metadata)
      after.balance = try call.parameters.int("balance") ?? before.balance
      let card = try call.card()
      call.parameters.accept("address", "shipping", "preferred_locales", "tax_exempt")
      try call.parameters.finish()
      if after != before { try account.updateCustomer(call.id) { $0 = after } }
      if let card { try account.setCard(call.id, card) }
      return account.customers[call.id]?.json ?? .null
    },
    APIRoute("DELETE", "/v1/customers/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let customer = account.customers[call.id], !customer.isDeleted else {
        throw .missing("customer", call.id)
      }
      try account.deleteCustomer(call.id)
      return account.customers[call.id]?.json ?? .null
    },
    APIRoute("POST", "/v1/billing_portal/sessions") { account, call throws(StripeFault) in
      let customer = try call.parameters.required("customer")
      let back = try call.parameters.text("return_url")
      call.parameters.accept("configuration", "locale", "flow_data", "on_behalf_of")
      try call.parameters.finish()
      let id = try account.openPortal(customer, returnURL: back)
      return account.portalSessions[id]?.json ?? .null
    },
  ]
}

extension APICall {
  /// A test card, by whichever of its parameters; nil when there is none.
  /// Source: https://docs.stripe.com/testing
  mutating func card() throws(StripeFault) -> StripeAccount.PaymentOutcome? {
    let names = ["payment_method", "source", "default_payment_method"]
    var method: String?
    for name in names { method = try parameters.text(name) ?? method }
    let preferred = try parameters.below("invoice_settings") {
      (settings: inout Parameters) throws(StripeFault) in
      settings.accept("custom_fields", "footer", "rendering_options")
      return try settings.text("default_payment_method")
    }
    guard let method = method ?? (preferred ?? nil), !method.isEmpty else { return nil }
    switch method {
    case "pm_card_chargeCustomerFail", "tok_chargeCustomerFail": return .declined("generic_decline")
    case "pm_card_authenticationRequired": return .needsAction
    case "pm_card_chargeDeclined", "tok_chargeDeclined": throw .declined("generic_decline")
    case _ where method.hasPrefix("pm_") || method.hasPrefix("tok_"): return .succeeds
    default: throw .noSuch("PaymentMethod", method, param: "payment_method")
    }
  }
}
