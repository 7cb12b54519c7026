package import Gate

extension BillingService {
  /// The URL of a Checkout session. Refuses a second subscription beside a live one.
  package func checkout(user: String, _ order: BillingOrder) async throws(BillingFault) -> String {
    let stripe = try client()
    let facts = try await facts(user)
    let links = try await links()
    guard let success = links.successURL else { throw .refused("no success_url is configured") }
    let item = try await item(order, facts: facts, stripe: stripe)
    var form = StripeForm()
    form.set("mode", item.isSubscription ? "subscription" : "payment")
    form.set("line_items[0][price]", item.price)
    form.set("line_items[0][quantity]", String(item.seats))
    form.set("success_url", success)
    form.set("cancel_url", links.cancelURL)
    form.set("customer", try await customer(facts, stripe: stripe))
    if facts.account.id.utf8.allSatisfy(Self.isReferenceByte) {
      form.set("client_reference_id", facts.account.id)
    }
    var metadata = Self.metadata(of: facts.account)
    if item.isSubscription { form.set("subscription_data[metadata]", metadata) }
    metadata["price"] = item.price
    form.set("metadata", metadata)
    form.set("billing_address_collection", "required")
    let session = try await answer { () async throws(StripeError) in
      try await stripe.post("/v1/checkout/sessions", form)
    }
    guard let url = session["url"].string else { throw .stripe("a session without url") }
    return url
  }

  /// The URL of a customer portal session. Without a return URL of the caller's, the web app's.
  package func portal(user: String, returnURL: String?) async throws(BillingFault) -> String {
    let stripe = try client()
    guard let customer = try await facts(user).customer else { throw .refused("there is no Stripe customer") }
    let links = try await links()
    var form = StripeForm()
    form.set("customer", customer)
    form.set("return_url", returnURL ?? links.webAppURL ?? links.successURL)
    let session = try await answer { () async throws(StripeError) in
      try await stripe.post("/v1/billing_portal/sessions", form)
    }
    guard let url = session["url"].string else { throw .stripe("a session without url") }
    return url
  }

  /// Takes back a scheduled cancellation, by clearing whichever of Stripe's two fields is set, and mirrors
  /// the outcome before it answers.
  package func reactivate(user: String, now: Instant) async throws(BillingFault) -> AccountBilling {
    let stripe = try client()
    let facts = try await facts(user)
    guard let row = AccountBilling.speaking(facts.subscriptions, catalog: catalog) else {
      throw .refused("there is no subscription")
    }
    guard !SubscriptionStatus.isTerminal(row.status) else {
      throw .refused("a canceled subscription needs a new one")
    }
    let path = "/v1/subscriptions/\(StripeForm.escape(row.id))"
    let object = try await answer { () async throws(StripeError) in try await stripe.get(path) }
    var form = StripeForm()
    if object["cancel_at_period_end"].bool == true {
      form.set("cancel_at_period_end", "false")
    } else if object["cancel_at"].int != nil {
      form.set("cancel_at", "")
    } else {
      throw .refused("no cancellation is scheduled")
    }
    _ = try await answer { () async throws(StripeError) in try await stripe.post(path, form) }
    do {
      try await SubscriptionMirror(store: store, outbox: outbox, catalog: catalog, stripe: stripe)
        .refresh(row.id, now: now)
    } catch {
      throw .store(error)
    }
    return try await status(user: user, now: now)
  }

  /// The account's invoices as Stripe has them, newest first, at most 100.
  package func invoices(user: String) async throws(BillingFault) -> [InvoiceSummary] {
    let stripe = try client()
    guard let customer = try await facts(user).customer else { return [] }
    var query = StripeForm()
    query.set("customer", customer)
    query.set("limit", "100")
    let list = try await answer { () async throws(StripeError) in
      try await stripe.get("/v1/invoices", query)
    }
    return list.listItems.map(InvoiceSummary.init)
  }

  /// What will be charged next; nil when nothing will.
  package func upcoming(user: String) async throws(BillingFault) -> InvoiceSummary? {
    let stripe = try client()
    let facts = try await facts(user)
    guard let customer = facts.customer,
      let row = AccountBilling.speaking(facts.subscriptions, catalog: catalog),
      SubscriptionStatus.isLive(row.status, catalog)
    else { return nil }
    var form = StripeForm()
    form.set("customer", customer)
    form.set("subscription", row.id)
    do {
      return InvoiceSummary(try await stripe.post("/v1/invoices/create_preview", form))
    } catch .refused(_, code: "invoice_upcoming_none") {
      return nil
    } catch {
      throw .stripe("\(error)")
    }
  }

  private func answer(
    _ call: () async throws(StripeError) -> JSONValue
  ) async throws(BillingFault) -> JSONValue {
    do { return try await call() } catch { throw .stripe("\(error)") }
  }

  /// What Stripe takes in `client_reference_id`: letters, digits, dashes and underscores.
  private static func isReferenceByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
