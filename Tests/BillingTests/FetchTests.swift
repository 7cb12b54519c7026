import Billing
import BillingStores
import Gate
import Testing

/// What is asked for that an event lacks.
@Suite struct FetchTests {
  let payloads = Payloads()

  @Test func linesOfALongInvoice() async throws {
    let long = payloads.invoice("in_1", lines: [.init(price: "price_basic", isProration: true, amount: 5)])
    var event = long
    var lines = try #require(long["lines"] as? [String: Any])
    lines["has_more"] = true
    event["lines"] = lines
    let all = payloads.invoice(
      "in_1", lines: [.init(price: "price_basic", isProration: true, amount: 5), .init()])
    let data = try #require((all["lines"] as? [String: Any])?["data"] as? [[String: Any]])
    let store = TestBench.memory()
    let stripe = FakeStripe([FakeStripe.list(data)])
    let bench = try TestBench(store, stripe: stripe.client)
    await bench.send(payloads.event("evt_1", "invoice.paid", event))
    #expect(
      stripe.requests.map(\.path) == ["/v1/invoices/in_1/lines?limit=100", "/v1/subscriptions/sub_1"])
    #expect(store.now.liveGrants.map(\.tokens) == [TestCatalog.proTokens])
    // Without a key what is there has to do, and what is not there is waited for.
    let keyless = TestBench.memory()
    await (try TestBench(keyless)).send(payloads.event("evt_1", "invoice.paid", event))
    #expect(keyless.now.events["evt_1"]?.outcome.status == "unmatched")
  }

  @Test func lineItemsOfASession() async throws {
    let session = payloads.session(mode: "payment", extra: ["client_reference_id": "u1"])
    let store = TestBench.memory()
    let item: [String: Any] = ["id": "li_1", "price": ["id": "price_pack"], "quantity": 3]
    let stripe = FakeStripe([FakeStripe.list([item])])
    let bench = try TestBench(store, stripe: stripe.client)
    await bench.send(payloads.event("evt_1", "checkout.session.completed", session))
    #expect(stripe.requests.map(\.path) == ["/v1/checkout/sessions/cs_1/line_items?limit=100"])
    #expect(store.now.topUps["cs_1"]?.topUp.tokens == 300_000)
    #expect(store.now.invoices["cs_1"]?.summary.status == "paid")
    let keyless = TestBench.memory()
    await (try TestBench(keyless)).send(payloads.event("evt_1", "checkout.session.completed", session))
    #expect(keyless.now.events["evt_1"]?.outcome.status == "unmatched")
  }

  /// Since basil a charge doesn't name its invoice, nor the invoice its payment.
  @Test func invoiceOfARefundedCharge() async throws {
    let store = TestBench.memory()
    let stripe = FakeStripe { request in
      if request.path.hasPrefix("/v1/invoice_payments?") {
        return FakeStripe.list([["id": "inpay_1", "invoice": "in_1"]])
      }
      return FakeStripe.list([])
    }
    let bench = try TestBench(store, stripe: stripe.client)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    #expect(store.now.liveGrants.count == 1)
    let charge: [String: Any] = [
      "id": "ch_1", "object": "charge", "refunded": true, "amount": 2000, "payment_intent": "pi_1",
    ]
    await bench.send(payloads.event("evt_2", "charge.refunded", charge))
    #expect(store.now.liveGrants.isEmpty)
    #expect(
      stripe.requests.first { $0.path.hasPrefix("/v1/invoice_payments") }?.path
        == "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]=pi_1&limit=100")
  }

  /// A failure that is told late is no news of a subscription that is past it: its invoice was voided.
  @Test func aLateFailureAsksHowThingsAre() async throws {
    let store = TestBench.memory()
    let now = payloads.subscription(period: 1, invoice: "in_2")
    let reply = FakeStripe.ok(now)
    let stripe = FakeStripe { _ in reply }
    let bench = try TestBench(store, stripe: stripe.client)
    await bench.send(payloads.event("evt_1", "customer.subscription.updated", now))
    let failed = payloads.invoice("in_2", lines: [.init(period: 1)], status: "open")
    await bench.send(payloads.event("evt_2", "invoice.payment_failed", failed))
    #expect(store.now.subscriptions["sub_1"]?.status == "active")
    // Without a key it is all that is known.
    let keyless = TestBench.memory()
    let other = try TestBench(keyless)
    await other.send(payloads.event("evt_1", "customer.subscription.updated", now))
    await other.send(payloads.event("evt_2", "invoice.payment_failed", failed))
    #expect(keyless.now.subscriptions["sub_1"]?.status == "past_due")
  }

  /// A payment grants its period, and all else is as Stripe has it by now.
  @Test func aLatePaymentAsksHowThingsAre() async throws {
    for (now, plan, live) in [
      (payloads.subscription(status: "canceled", invoice: "in_1"), nil, []),
      (payloads.subscription(price: "price_team", invoice: "in_9"), "team", [TestCatalog.teamTokens]),
    ] as [([String: Any], String?, [Int64])] {
      let store = TestBench.memory()
      let reply = FakeStripe.ok(now)
      let stripe = FakeStripe { _ in reply }
      let bench = try TestBench(store, stripe: stripe.client)
      await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
      #expect(stripe.requests.map(\.path) == ["/v1/subscriptions/sub_1"])
      #expect(store.now.accounts[.user("u1")]?.plan == plan)
      #expect(store.now.liveGrants.map(\.tokens) == live)
      // What changes nothing asks nothing.
      await bench.send(payloads.event("evt_2", "invoice.payment_succeeded", payloads.invoice("in_1")))
      #expect(stripe.requests.count == 1)
    }
  }

  /// The same without a key, where the payment was told of by itself, before or after.
  @Test(arguments: permutations([0, 1, 2])) func paymentsToldByThemselves(order: [Int]) async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let payment: [String: Any] = [
      "id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid",
      "payment": ["type": "payment_intent", "payment_intent": "pi_1"],
    ]
    let charge: [String: Any] = [
      "id": "ch_1", "object": "charge", "refunded": true, "payment_intent": "pi_1",
    ]
    let events = [
      payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")),
      payloads.event("evt_2", "invoice_payment.paid", payment),
      payloads.event("evt_3", "charge.refunded", charge),
    ]
    for index in order { #expect(await bench.send(events[index]) == .received) }
    await bench.events.replayUnmatched(waitingFor: nil, now: TestBench.now)
    // A refund that was processed before what it takes back was granted is the one thing that must not happen.
    #expect(store.now.liveGrants.isEmpty, "\(order)")
    #expect(store.now.events.values.allSatisfy { $0.outcome == .processed })
  }

  /// An event waits for nothing long: what Stripe doesn't tell in time is taken from the event.
  @Test func stripeOutOfReach() async throws {
    let store = TestBench.memory()
    let stripe = FakeStripe([nil])
    let bench = try TestBench(store, stripe: stripe.client)
    #expect(
      await bench.send(payloads.event("evt_1", "customer.subscription.updated", payloads.subscription()))
        == .received)
    #expect(stripe.requests.count == 1 && stripe.delays.isEmpty)
    #expect(store.now.subscriptions["sub_1"]?.plan == "pro")
  }

  @Test func paceStaysBelowTheLimits() {
    for (isLive, perSecond) in [(true, 40), (false, 10)] {
      let pace = StripePace(isLive: isLive, microseconds: { 0 })
      let waits = (0..<perSecond * 3).compactMap { _ in pace.turn(.caller) }
      // All of them asked at once: in each second so many go.
      for second in 0..<2 {
        let window = waits.filter { (Int64(second) * 1000..<Int64(second + 1) * 1000).contains($0) }
        #expect(window.count <= perSecond + perSecond / 4 + 1, "\(window.count)")
      }
      #expect(waits.last.map { $0 > 2500 } == true)
      #expect(pace.turn(.event) == nil)
    }
    let pace = StripePace(isLive: true, microseconds: { 0 })
    let slow = (0..<81).compactMap { _ in pace.turn(.background) }
    #expect(slow.last == 2000)
    // Callers need not wait behind all that.
    #expect(pace.turn(.caller) == 0)
  }
}
