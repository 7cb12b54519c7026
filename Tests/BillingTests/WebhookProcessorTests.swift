import Billing
import BillingStores
import Foundation
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
    // Stored, and not known to Redis: that is no 2xx.
    bench.outbox.fail(true)
    #expect(await bench.send(body) == .storeUnavailable)
    #expect(await bench.send(body) == .storeUnavailable)
    #expect(store.now.events["evt_1"]?.outcome.status == "processed")
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

  /// 2xx means that Redis knows, whichever of two deliveries it is that did the work.
  @Test func aSecondDeliveryWaitsForTheFirst() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    bench.outbox.shut()
    let answered = Counter()
    try await withThrowingTaskGroup(of: WebhookAnswer.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let answer = await bench.send(body)
          answered.add()
          return answer
        }
      }
      // Both are through with Postgres, and neither has answered.
      try await until("both wait for Redis") { bench.outbox.waiting == 2 }
      #expect(answered.value == 0)
      #expect(store.now.events["evt_1"]?.outcome == .processed)
      bench.outbox.open()
      for try await answer in group { #expect(answer == .received) }
    }
    #expect(store.now.grants.count == 1)
    #expect(bench.events.tally.counts.duplicates == 1)
  }

  /// The delivery that did the work died before it told Redis: the next one does.
  @Test func aDuplicateOfWhatWasNeverPassedOnPassesItOn() async throws {
    let store = TestBench.memory()
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    let dead = try TestBench(store)
    await dead.send(body)
    let bench = try TestBench(store)
    bench.outbox.fail(true)
    #expect(await bench.send(body) == .storeUnavailable)
    bench.outbox.fail(false)
    #expect(await bench.send(body) == .received)
    #expect(bench.outbox.applied == [.user("u1")])
  }

  @Test func tooManyAreToldToComeAgain() async throws {
    let store = TestBench.memory()
    let outbox = TestBench.Outbox()
    let events = EventProcessor(
      store: store, outbox: outbox, catalog: TestCatalog.catalog, logger: TestBench.logger)
    let secrets = try WebhookSecrets([TestBench.secret])
    let processor = WebhookProcessor(
      events: events, secrets: secrets, admission: WebhookAdmission(runningMax: 2, waitingMax: 3),
      logger: TestBench.logger)
    outbox.shut()
    let turnedAway = Counter()
    try await withThrowingTaskGroup(of: WebhookAnswer.self) { group in
      for number in 0..<9 {
        let one = Payloads(subscription: "sub_\(number)")
        let body = one.event("evt_\(number)", "invoice.paid", one.invoice("in_\(number)"))
        let header = StripeSignature.sign(
          rawBody: body, secrets: secrets, timestamp: TestBench.now.seconds)
        group.addTask {
          let answer = await processor.receive(
            rawBody: body, signatureHeader: header, now: TestBench.now)
          if answer == .storeUnavailable { turnedAway.add() }
          return answer
        }
      }
      try await until("two work, four are turned away") {
        outbox.waiting == 2 && turnedAway.value == 4
      }
      #expect(store.now.events.count == 2)
      outbox.open()
      var answers: [WebhookAnswer] = []
      for try await answer in group { answers.append(answer) }
      #expect(answers.filter { $0 == .received }.count == 5)
    }
    #expect(store.now.events.count == 5)
    #expect(events.tally.counts.turnedAway == 4)
  }

  /// Whatever a signed body says, the answer is one of two, and nothing traps.
  @Test(arguments: DecoderTests.fixtures)
  func fuzz(path: String) async throws {
    var random = SplitMix.seeded("WEBHOOK_FUZZ_SEED")
    let store = TestBench.memory()
    let bench = try TestBench(store)
    let original = try #require(
      JSONSerialization.jsonObject(with: Data(DecoderTests.bytes(path))) as? [String: Any])
    for _ in 0..<150 {
      var changed: Any = original
      for _ in 0..<Int.random(in: 1...10, using: &random) {
        changed = DecoderTests.mutate(changed, &random)
      }
      let body = try JSONSerialization.data(withJSONObject: changed, options: .fragmentsAllowed)
      let answer = await bench.send([UInt8](body))
      #expect(answer == .received || answer == .payloadInvalid)
    }
    for _ in 0..<150 {
      var body = try DecoderTests.bytes(path)
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        body[Int.random(in: 0..<body.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      let answer = await bench.send(body)
      #expect(answer == .received || answer == .payloadInvalid)
    }
    for event in store.now.events.values {
      #expect(["processed", "ignored", "unmatched"].contains(event.outcome.status))
    }
  }

  /// What is told of an unknown buyer waits, also where it changes no rights: a void invoice, a part refunded.
  @Test func theRecordWaitsForItsOwner() async throws {
    let stranger = Payloads(customer: "cus_new")
    let charge: [String: Any] = [
      "id": "ch_1", "object": "charge", "amount": 2000, "amount_refunded": 500, "refunded": false,
      "customer": "cus_new",
    ]
    let store = TestBench.memory()
    let bench = try TestBench(store)
    await bench.send(stranger.event("evt_1", "invoice.voided", stranger.invoice("in_1", status: "void")))
    await bench.send(stranger.event("evt_2", "charge.refunded", charge))
    #expect(store.now.events.values.allSatisfy { $0.outcome.status == "unmatched" })
    let session = stranger.session(extra: ["client_reference_id": "u2"])
    await bench.send(stranger.event("evt_3", "checkout.session.completed", session))
    #expect(store.now.events.values.allSatisfy { $0.outcome == .processed })
    #expect(store.now.invoices["in_1"]?.summary.status == "void")
    #expect(store.now.notes.contains("user:u2 charge.refunded_in_part"))
  }
}
