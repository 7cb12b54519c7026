import Billing
import Gate
import Signatures
import Testing

@Suite struct WebhookProcessorTests {
  let payloads = Payloads()

  @Test func forgedOrStaleChangesNothing() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let before = store.now
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    let forged = StripeSignature.sign(
      rawBody: body, secrets: try WebhookSecrets(["whsec_another_one"]), timestamp: TestBench.now.seconds)
    let stale = StripeSignature.sign(
      rawBody: body, secrets: bench.secrets, timestamp: TestBench.now.seconds - 301)
    for header in [nil, "", forged, stale, "t=1,v1=00"] {
      let answer = await bench.processor.receive(
        rawBody: body, signatureHeader: header, now: TestBench.now)
      #expect(answer == .signatureInvalid)
    }
    #expect(store.now == before)
    #expect(store.now.events.isEmpty)
    #expect(bench.outbox.applied.isEmpty)
  }

  @Test func signedNonsenseIsAnInvalidPayload() async throws {
    let bench = try TestBench(TestBench.memory())
    #expect(await bench.send(Array("nonsense".utf8)) == .payloadInvalid)
    #expect(await bench.send([]) == .payloadInvalid)
  }

  @Test(arguments: Payloads.Shape.allCases)
  func paymentResetsOnce(shape: Payloads.Shape) async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let payloads = Payloads(shape: shape)
    for (id, type) in [
      ("evt_1", "invoice.paid"), ("evt_2", "invoice.payment_succeeded"), ("evt_1", "invoice.paid"),
    ] {
      #expect(await bench.send(payloads.event(id, type, payloads.invoice("in_1"))) == .received)
    }
    let grants = store.now.grants.values.map(\.grant)
    #expect(grants.count == 1)
    let grant = try #require(grants.first)
    #expect(grant.account == .user("u1"))
    #expect(grant.tokens == TestCatalog.proTokens)
    #expect(grant.periodStart == Instant(seconds: Payloads.period(0)))
    #expect(grant.expiresAt == Instant(seconds: Payloads.period(1) + TestCatalog.graceSeconds))
    #expect(store.now.accounts[.user("u1")]?.plan == "pro")
    #expect(store.now.subscriptions["sub_1"]?.status == "active")
    // Every 2xx means that Redis knows, the twin's and the duplicate's too.
    #expect(bench.outbox.applied == [.user("u1"), .user("u1"), .user("u1")])
  }

  @Test func failureIsDoneAgain() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    store.failNext()
    #expect(await bench.send(body) == .storeUnavailable)
    #expect(store.now.grants.isEmpty)
    #expect(store.now.events["evt_1"]?.outcome.status == "failed")
    bench.outbox.fail(true)
    #expect(await bench.send(body) == .storeUnavailable)
    #expect(store.now.events["evt_1"]?.outcome.status == "failed")
    bench.outbox.fail(false)
    #expect(await bench.send(body) == .received)
    #expect(store.now.events["evt_1"]?.outcome.status == "processed")
    #expect(store.now.grants.count == 1)
    #expect(bench.outbox.applied == [.user("u1")])
  }

  @Test func unknownTypesAndModesAreStored() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store, stripe: FakeStripe([]).client(key: "sk_live_key"))
    let before = store.now
    #expect(await bench.send(payloads.event("evt_1", "product.created", ["id": "prod_1"])) == .received)
    #expect(await bench.send(payloads.event("evt_2", "invoice.paid", payloads.invoice("in_1"))) == .received)
    #expect(store.now == before)
    #expect(store.now.events.values.allSatisfy { $0.outcome.status == "ignored" })
  }

  @Test func unmatchedIsReplayedWhenTheUserAppears() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let payloads = Payloads(customer: "cus_new", metadata: ["user_id": "u9"])
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    #expect(await bench.send(body) == .received)
    #expect(store.now.events["evt_1"]?.outcome.status == "unmatched")
    #expect(store.now.grants.isEmpty)
    #expect(await bench.events.replayUnmatched(waitingFor: ["user:u9"], now: TestBench.now) == 0)
    store.change { $0.accounts[.user("u9")] = .init() }
    #expect(await bench.events.replayUnmatched(waitingFor: ["user:u9"], now: TestBench.now) == 1)
    #expect(store.now.liveGrants.map(\.account) == [.user("u9")])
    #expect(store.now.accounts[.user("u9")]?.customer == "cus_new")
  }

  @Test func checkoutMakesEarlierEventsMatch() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let payloads = Payloads(customer: "cus_new")
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    await bench.send(payloads.event("evt_2", "customer.subscription.created", payloads.subscription()))
    #expect(store.now.grants.isEmpty)
    let session = payloads.session(extra: ["client_reference_id": "u2"])
    await bench.send(payloads.event("evt_3", "checkout.session.completed", session))
    #expect(store.now.liveGrants.map(\.account) == [.user("u2")])
    #expect(store.now.accounts[.user("u2")]?.plan == "pro")
    #expect(store.now.events.values.allSatisfy { $0.outcome == .processed })
  }

  @Test func unknownPriceDropsNobody() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    let before = store.now
    let strange = payloads.subscription(period: 1, price: "price_strange")
    await bench.send(payloads.event("evt_2", "customer.subscription.updated", strange))
    let invoice = payloads.invoice("in_2", lines: [.init(price: "price_strange", period: 1)])
    await bench.send(payloads.event("evt_3", "invoice.paid", invoice))
    #expect(store.now == before)
    #expect(store.now.events["evt_2"]?.outcome.status == "unmatched")
    #expect(store.now.events["evt_3"]?.outcome.status == "unmatched")
    store.change { $0.prices["price_strange"] = "team" }
    #expect(await bench.events.replayUnmatched(waitingFor: nil, now: TestBench.now) == 2)
    #expect(store.now.accounts[.user("u1")]?.plan == "team")
    #expect(store.now.liveGrants.map(\.tokens) == [TestCatalog.teamTokens])
  }

  @Test func replayByID() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    #expect(try await bench.events.replay(eventID: "evt_none", now: TestBench.now) == nil)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    #expect(try await bench.events.replay(eventID: "evt_1", now: TestBench.now) == "processed")
    #expect(store.now.grants.count == 1)
  }
}
