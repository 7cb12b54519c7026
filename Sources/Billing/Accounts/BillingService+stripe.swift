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
    form.set("line_items[0][quantity]", String(item.quantity))
    form.set("success_url", success)
    form.set("cancel_url", links.cancelURL)
    form.set("customer", try await customer(facts, stripe: stripe))
    if facts.account.id.utf8.allSatisfy(Self.isReferenceByte) {
      form.set("client_reference_id", facts.account.id)
    }
    var metadata = facts.account.stripeMetadata
    if item.isSubscription { form.set("subscription_data[metadata]", metadata) }
    // The session's event doesn't hold its line items.
    metadata["price"] = item.price
    if !item.isSubscription { metadata["quantity"] = String(item.quantity) }
    form.set("metadata", metadata)
    form.set("billing_address_collection", "required")
    let session = try await answer { () async throws(StripeError) in
      try await stripe.post("/v1/checkout/sessions", form)
    }
    guard let url = session["url"].string else { throw .stripe(.unreadable) }
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
    guard let url = session["url"].string else { throw .stripe(.unreadable) }
    return url
  }

  /// Takes back a scheduled cancellation, by clearing whichever of Stripe's two fields is set, or resumes a
  /// subscription that is paused, and mirrors the outcome before it answers.
  package func reactivate(user: String, now: Instant) async throws(BillingFault) -> AccountBilling {
    let stripe = try client()
    let facts = try await facts(user)
    guard let row = AccountBilling.speaking(facts.subscriptions, catalog: catalog) else {
      throw .refused("there is no subscription to reactivate: start a new checkout")
    }
    let path = "/v1/subscriptions/\(StripeForm.escape(row.id))"
    var object: JSONValue?
    if !SubscriptionStatus.isTerminal(row.status) {
      do { object = try await stripe.get(path) } catch {
        guard error.isNotFound else { throw .stripe(error) }
      }
    }
    guard let object, let status = object["status"].string, !SubscriptionStatus.isTerminal(status) else {
      throw .refused("the subscription is canceled, which is final: start a new checkout")
    }
    var form = StripeForm()
    if status == SubscriptionStatus.paused {
      form.set("billing_cycle_anchor", "now")
      _ = try await answer { () async throws(StripeError) in try await stripe.post("\(path)/resume", form) }
    } else {
      if object["cancel_at_period_end"].bool == true {
        // Clears `cancel_at` too, which is then the period's end.
        form.set("cancel_at_period_end", "false")
      } else if object["cancel_at"].int != nil {
        form.set("cancel_at", "")
      } else {
        throw .refused("no cancellation is scheduled")
      }
      _ = try await answer { () async throws(StripeError) in try await stripe.post(path, form) }
    }
    do { try await events.refresh(subscription: row.id, now: now) } catch { throw .store(error) }
    return try await self.status(user: user, now: now)
  }

  /// The account's invoices, newest first, at most 100: as Stripe has them, with the purchases that have no
  /// invoice; without a key as the webhooks told of them.
  package func invoices(user: String) async throws(BillingFault) -> [InvoiceSummary] {
    let facts = try await facts(user)
    var stored: [InvoiceSummary]
    do { stored = try await store.invoices(of: facts.account, limit: 100) } catch { throw .store(error) }
    guard let stripe, let customer = facts.customer else { return stored }
    var query = StripeForm()
    query.set("customer", customer)
    query.set("limit", "100")
    let list = try await answer { () async throws(StripeError) in
      try await stripe.get("/v1/invoices", query)
    }
    let listed = list.listItems.map { InvoiceSummary($0) }
    stored.removeAll { $0.id?.hasPrefix("cs_") != true }
    return (listed + stored).sorted { ($0.createdAt ?? .distantPast) > ($1.createdAt ?? .distantPast) }
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
    } catch {
      if case .refused(_, code: "invoice_upcoming_none", _) = error { return nil }
      throw .stripe(error)
    }
  }

  private func answer(
    _ call: () async throws(StripeError) -> JSONValue
  ) async throws(BillingFault) -> JSONValue {
    do { return try await call() } catch { throw .stripe(error) }
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
