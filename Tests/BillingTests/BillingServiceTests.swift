import Billing
import BillingStores
import Gate
import Testing

@Suite struct BillingServiceTests {
  static let links = BillingLinks(
    upgradeURL: "https://stored/upgrade", successURL: "https://app/ok?x=1&y", cancelURL: "https://app/no",
    webAppURL: "https://app/")

  private func service(_ store: MemoryBillingStore, _ stripe: FakeStripe?) -> BillingService {
    TestBench.service(store, stripe?.client, links: Self.links)
  }

  private func subscribed(_ status: String = "active") async throws -> MemoryBillingStore {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let payloads = Payloads()
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    let object = payloads.subscription(
      status: status, invoice: "in_2", extra: ["cancel_at": Payloads.period(1)])
    await bench.send(payloads.event("evt_2", "customer.subscription.updated", object))
    return store
  }

  @Test func statusOfASubscriber() async throws {
    let status = try await service(subscribed(), nil).status(user: "u1", now: TestBench.now)
    #expect(status.plan == "pro")
    #expect(status.status == "active")
    #expect(status.isActive && status.isPlanActive && status.cancelsAtPeriodEnd)
    #expect(status.planExpires == Instant(seconds: Payloads.period(1)))
    #expect(status.currentPeriodEnd == Instant(seconds: Payloads.period(1)))
    #expect(status.stripeCustomerID == "cus_1")
    #expect(status.stripeSubscriptionID == "sub_1")
    #expect(status.priceID == "price_pro")
    #expect(status.lockoutReason == nil)
  }

  @Test func statusPastTheGrace() async throws {
    let service = service(try await subscribed("past_due"), nil)
    let grace = TestCatalog.catalog.plans["pro"]?.pastDueGraceSeconds ?? 0
    let inside = try await service.status(user: "u1", now: TestBench.now.advanced(seconds: grace - 1))
    #expect(inside.isPlanActive && inside.isActive && inside.status == "past_due")
    let past = try await service.status(user: "u1", now: TestBench.now.advanced(seconds: grace))
    #expect(!past.isPlanActive)
    #expect(past.lockoutReason == "past_due")
  }

  @Test func statusWithoutASubscription() async throws {
    let service = service(TestBench.memory(), nil)
    let status = try await service.status(user: "u2", now: TestBench.now)
    #expect(status.plan == "free")
    #expect(status.isPlanActive && !status.isActive)
    await #expect(throws: BillingFault.store(.notFound("no such user"))) {
      try await service.status(user: "nobody", now: TestBench.now)
    }
  }

  @Test func linksFieldByField() {
    var catalog = TestCatalog.catalog
    catalog.links = BillingLinks(
      upgradeURL: "https://config/upgrade", customerPortalURL: "https://config/portal")
    let links = BillingLinks.effective(stored: Self.links, catalog: catalog)
    #expect(links.upgradeURL == "https://stored/upgrade")
    #expect(links.customerPortalURL == "https://config/portal")
    #expect(links.enterpriseContactURL == nil)
    #expect(BillingLinks.effective(stored: nil, catalog: catalog) == catalog.links)
  }

  @Test func withoutAKey() async throws {
    let service = service(TestBench.memory(), nil)
    await #expect(throws: BillingFault.notConfigured) {
      try await service.checkout(user: "u1", .topUpPrice("price_pack", quantity: 1))
    }
    await #expect(throws: BillingFault.notConfigured) { try await service.portal(user: "u1", returnURL: nil) }
    await #expect(throws: BillingFault.notConfigured) { try await service.upcoming(user: "u1") }
    await #expect(throws: BillingFault.notConfigured) {
      try await service.reactivate(user: "u1", now: TestBench.now)
    }
  }

  @Test func checkoutOfAPlan() async throws {
    let stripe = FakeStripe([
      FakeStripe.ok(["recurring": ["interval": "month"]]), FakeStripe.ok(["id": "cus_2"]),
      FakeStripe.ok(["id": "cs_1", "url": "https://checkout/cs_1"]),
    ])
    let store = TestBench.memory()
    let order = BillingOrder.plan("pro", interval: .month, seats: 1)
    let url = try await service(store, stripe).checkout(user: "u2", order)
    #expect(url == "https://checkout/cs_1")
    #expect(store.now.accounts[.user("u2")]?.customer == "cus_2")
    #expect(
      stripe.requests.map(\.path) == ["/v1/prices/price_pro", "/v1/customers", "/v1/checkout/sessions"])
    let customer = try #require(stripe.requests.dropFirst().first)
    #expect(customer.headers.contains { $0 == ("Idempotency-Key", "tollgate-customer-user:u2") })
    let body = try #require(stripe.requests.last?.body)
    for field in [
      "mode=subscription", "line_items[0][price]=price_pro", "line_items[0][quantity]=1",
      "success_url=https%3A%2F%2Fapp%2Fok%3Fx%3D1%26y", "customer=cus_2", "client_reference_id=u2",
      "metadata[user_id]=u2", "metadata[price]=price_pro", "subscription_data[metadata][user_id]=u2",
      "billing_address_collection=required",
    ] {
      #expect(body.split(separator: "&").contains { $0 == field }, "\(field)")
    }
  }

  @Test func checkoutRefusals() async throws {
    let stripe = FakeStripe([FakeStripe.ok(["recurring": ["interval": "month"]])])
    let service = service(try await subscribed(), stripe)
    let wrong: [(BillingOrder, BillingFault)] = [
      (.topUpPrice("price_pro", quantity: 1), .invalid(field: "price", message: "is no top-up")),
      (.subscriptionPrice("price_x", seats: 1), .invalid(field: "price", message: "maps to no plan")),
      (.plan("nothing", interval: .month, seats: 1), .invalid(field: "plan", message: "is unknown")),
      (.plan("free", interval: .month, seats: 1), .invalid(field: "plan", message: "has no price")),
      (
        .subscriptionPrice("price_pro", seats: 2),
        .invalid(field: "seats", message: "the plan is not sold by seats")
      ),
      (
        .plan("pro", interval: .year, seats: 1),
        .invalid(field: "interval", message: "the plan has no such price")
      ),
      (
        .subscriptionPrice("price_pro", seats: 1),
        .refused("there is a subscription already; change it in the customer portal")
      ),
    ]
    for (order, fault) in wrong {
      await #expect(throws: fault) { try await service.checkout(user: "u1", order) }
    }
  }

  @Test func portal() async throws {
    let stripe = FakeStripe([FakeStripe.ok(["url": "https://portal/1"])])
    let service = service(TestBench.memory(), stripe)
    #expect(try await service.portal(user: "u1", returnURL: nil) == "https://portal/1")
    #expect(stripe.requests.first?.body == "customer=cus_1&return_url=https%3A%2F%2Fapp%2F")
    await #expect(throws: BillingFault.refused("there is no Stripe customer")) {
      try await service.portal(user: "u2", returnURL: nil)
    }
  }

  @Test func reactivateClearsWhicheverIsSet() async throws {
    let payloads = Payloads()
    let live = payloads.subscription(invoice: "in_1")
    for (field, sent) in [
      (["cancel_at": Payloads.period(1)] as [String: Any], "cancel_at="),
      (["cancel_at_period_end": true], "cancel_at_period_end=false"),
    ] {
      let stripe = FakeStripe([
        FakeStripe.ok(live.merging(field) { $1 }), FakeStripe.ok(live), FakeStripe.ok(live),
      ])
      let service = service(try await subscribed(), stripe)
      let status = try await service.reactivate(user: "u1", now: TestBench.now)
      #expect(stripe.requests.map(\.method) == ["GET", "POST", "GET"])
      #expect(stripe.requests[1].body == sent)
      #expect(!status.cancelsAtPeriodEnd)
    }
    let stripe = FakeStripe([FakeStripe.ok(live)])
    let service = service(try await subscribed(), stripe)
    await #expect(throws: BillingFault.refused("no cancellation is scheduled")) {
      try await service.reactivate(user: "u1", now: TestBench.now)
    }
  }

  @Test func invoicesAndTheNextOne() async throws {
    let payloads = Payloads()
    let invoice = payloads.invoice(
      "in_1", extra: ["amount_due": 2000, "amount_paid": 2000, "currency": "eur"])
    let preview = payloads.invoice("upcoming_in_1", extra: ["amount_due": 2000])
    let stripe = FakeStripe([
      FakeStripe.ok(["object": "list", "data": [invoice]]), FakeStripe.ok(preview),
      FakeStripe.error(404, code: "invoice_upcoming_none"),
    ])
    let service = service(try await subscribed(), stripe)
    let list = try await service.invoices(user: "u1")
    #expect(list.map(\.id) == ["in_1"])
    #expect(list.first?.periodStart == Instant(seconds: Payloads.period(0)))
    let next = try #require(try await service.upcoming(user: "u1"))
    #expect(next.id == nil && next.amountDue == 2000)
    #expect(try await service.upcoming(user: "u1") == nil)
    #expect(try await service.upcoming(user: "u2") == nil)
  }

  /// With a key the subscription is asked for: the event's own object is the past.
  @Test func webhooksFetchTheSubscription() async throws {
    let payloads = Payloads()
    let stripe = FakeStripe([FakeStripe.ok(payloads.subscription(price: "price_team", invoice: "in_1"))])
    let store = TestBench.memory()
    let bench = try TestBench(store, stripe: stripe.client)
    await bench.send(payloads.event("evt_1", "customer.subscription.updated", payloads.subscription()))
    #expect(store.now.accounts[.user("u1")]?.plan == "team")
    // Where Stripe has none, or doesn't answer, the event's object counts.
    let other = Payloads(subscription: "sub_2")
    await bench.send(other.event("evt_2", "customer.subscription.created", other.subscription()))
    #expect(store.now.subscriptions["sub_2"]?.plan == "pro")
  }

  @Test func aCanceledSubscriptionNeedsACheckout() async throws {
    let canceled = BillingFault.refused("the subscription is canceled, which is final: start a new checkout")
    let stripe = FakeStripe([])
    let over = service(try await subscribed("canceled"), stripe)
    await #expect(throws: canceled) { try await over.reactivate(user: "u1", now: TestBench.now) }
    #expect(stripe.requests.isEmpty)
    // Stripe knows, and the mirror doesn't yet.
    let ahead = FakeStripe([FakeStripe.ok(Payloads().subscription(status: "canceled"))])
    let live = service(try await subscribed(), ahead)
    await #expect(throws: canceled) { try await live.reactivate(user: "u1", now: TestBench.now) }
    let nothing = service(TestBench.memory(), stripe)
    await #expect(throws: BillingFault.self) { try await nothing.reactivate(user: "u2", now: TestBench.now) }
  }

  @Test func whatIsPausedIsResumed() async throws {
    let payloads = Payloads()
    let live = payloads.subscription(invoice: "in_1")
    let stripe = FakeStripe([
      FakeStripe.ok(payloads.subscription(status: "paused")), FakeStripe.ok(live), FakeStripe.ok(live),
    ])
    let service = service(try await subscribed("paused"), stripe)
    let status = try await service.reactivate(user: "u1", now: TestBench.now)
    #expect(stripe.requests[1].path == "/v1/subscriptions/sub_1/resume")
    #expect(status.isActive && status.plan == "pro")
  }

  @Test func invoicesWithoutAKey() async throws {
    let store = try await subscribed()
    let bench = try TestBench(store)
    let payloads = Payloads()
    let failed = payloads.invoice(
      "in_3", lines: [.init(period: 1)], status: "open", extra: ["amount_due": 2000, "number": "A-3"])
    await bench.send(payloads.event("evt_3", "invoice.payment_failed", failed))
    let list = try await service(store, nil).invoices(user: "u1")
    #expect(list.map(\.id) == ["in_3", "in_1"])
    #expect(list.map(\.status) == ["open", "paid"])
    #expect(list.first?.number == "A-3" && list.first?.amountDue == 2000)
    // What is paid stays so, though the failure is told once more.
    let paid = payloads.invoice("in_3", lines: [.init(period: 1)], extra: ["amount_paid": 2000])
    await bench.send(payloads.event("evt_4", "invoice.paid", paid))
    await bench.send(payloads.event("evt_5", "invoice.payment_failed", failed))
    #expect(try await service(store, nil).invoices(user: "u1").first?.status == "paid")
  }

  @Test func packsAreSoldByNumber() async throws {
    let stripe = FakeStripe([FakeStripe.ok(["url": "https://checkout"])])
    let service = service(TestBench.memory(), stripe)
    _ = try await service.checkout(user: "u1", .topUpPrice("price_pack", quantity: 3))
    let body = try #require(stripe.requests.last?.body)
    for field in [
      "mode=payment", "line_items[0][quantity]=3", "metadata[quantity]=3", "metadata[price]=price_pack",
    ] {
      #expect(body.split(separator: "&").contains { $0 == field }, "\(field)")
    }
  }

  @Test func errorsSayWhatMayBeSaid() {
    let refused = StripeError.refused(status: 400, code: "resource_missing", parameter: "customer")
    #expect(refused.sentence == "Stripe refused the call: resource_missing (customer).")
    #expect(!refused.isTransient)
    let strange = StripeError.refused(status: 400, code: "No such key: sk_live_x", parameter: "a b")
    #expect(strange.sentence == "Stripe refused the call: ? (?).")
    #expect(StripeError.refused(status: 503, code: "", parameter: "").isTransient)
    #expect(StripeError.unreachable.isTransient && !StripeError.unreadable.isTransient)
  }
}
