import Billing
import BillingStores
import Gate
import Testing

/// `tollgate stripe sync` over the model store.
@Suite struct SyncTests {
  let payloads = Payloads()

  private func sync(_ store: MemoryBillingStore, _ stripe: FakeStripe) throws -> (StripeSync, TestBench) {
    let bench = try TestBench(store, stripe: stripe.client)
    let sync = StripeSync(
      events: bench.events, positions: store, stripe: stripe.client, now: { TestBench.now },
      logger: TestBench.logger)
    return (sync, bench)
  }

  private func begin(_ store: MemoryBillingStore) async throws -> SyncRun {
    try await store.beginSync(.everything, owner: "test", leaseSeconds: 60, ifLastBefore: nil)
  }

  /// What Stripe would have: one live subscription, its paid invoice, and a top-up that was never delivered.
  private var stripe: FakeStripe {
    let payloads = payloads
    return FakeStripe { request in
      let path = request.path
      switch true {
      case path.hasPrefix("/v1/subscriptions/sub_1"):
        return FakeStripe.ok(payloads.subscription(invoice: "in_1"))
      case path.hasPrefix("/v1/subscriptions/sub_0"):
        return FakeStripe.ok(Payloads(subscription: "sub_0").subscription(status: "canceled"))
      case path.hasPrefix("/v1/subscriptions?") && path.contains("starting_after=sub_1"):
        return FakeStripe.list([Payloads(subscription: "sub_0").subscription(status: "canceled")])
      case path.hasPrefix("/v1/subscriptions?"):
        return FakeStripe.list([payloads.subscription(invoice: "in_1")], hasMore: true)
      case path.hasPrefix("/v1/invoices?"): return FakeStripe.list([payloads.invoice("in_1")])
      case path.hasPrefix("/v1/events?"):
        let session = payloads.session(
          mode: "payment", extra: ["metadata": ["price": "price_pack"], "client_reference_id": "u1"])
        return FakeStripe.list([
          [
            "id": "evt_9", "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": ["object": session],
          ]
        ])
      default: return FakeStripe.error(404)
      }
    }
  }

  @Test func takesInWhatTheWebhooksDidNotTell() async throws {
    let store = TestBench.memory()
    let stripe = stripe
    let (sync, bench) = try sync(store, stripe)
    let run = try await sync.run(try await begin(store))
    #expect(run.stage == nil)
    #expect(run.counts[.subscriptions]?.seen == 2 && run.counts[.subscriptions]?.changed == 2)
    #expect(run.counts[.invoices]?.changed == 1)
    #expect(run.counts[.events]?.changed == 1)
    #expect(store.now.accounts[.user("u1")]?.plan == "pro")
    #expect(store.now.liveGrants.map(\.tokens) == [TestCatalog.proTokens])
    #expect(store.now.topUps["cs_1"]?.topUp.tokens == 100_000)
    #expect(!bench.outbox.applied.isEmpty)
    let paths = stripe.requests.map(\.path)
    #expect(paths.contains("/v1/subscriptions?status=all&limit=100"))
    #expect(paths.contains("/v1/invoices?status=paid&limit=100"))
    let events = try #require(paths.first { $0.hasPrefix("/v1/events?") })
    #expect(events.contains("delivery_success=false"))
    #expect((1...20).contains(events.split(separator: "&").filter { $0.hasPrefix("types[]=") }.count))
    // Doing it again changes nothing; of an event that was done before Redis is told once more.
    let before = store.now
    let applied = bench.outbox.applied.count
    let again = try await sync.run(try await begin(store))
    #expect(again.counts.values.allSatisfy { $0.changed == 0 && $0.seen > 0 })
    #expect(store.now == before)
    #expect(bench.outbox.applied.count == applied + 1)
    #expect(store.now.grants.count == 1)
  }

  @Test func sinceIsAskedFor() async throws {
    let store = TestBench.memory()
    let stripe = stripe
    let (sync, _) = try sync(store, stripe)
    var run = try await begin(store)
    run.since = Instant(seconds: 1_700_000_000)
    _ = try await sync.run(run)
    #expect(
      stripe.requests.map(\.path).contains("/v1/invoices?status=paid&created[gte]=1700000000&limit=100"))
  }

  /// Stopped by an error of Stripe's, it goes on with the page that was under way.
  @Test func goesOnWhereItStopped() async throws {
    let store = TestBench.memory()
    let whole = stripe
    let broken = FakeStripe { request in
      if request.path.contains("starting_after") { return FakeStripe.error(400, code: "no_such_page") }
      return FakeStripe.list([Payloads().subscription(invoice: "in_1")], hasMore: true)
    }
    let (first, _) = try sync(store, broken)
    await #expect(throws: SyncFault.self) { _ = try await first.run(try await begin(store)) }
    #expect(store.now.sync?.stage == .subscriptions)
    #expect(store.now.sync?.cursor == "sub_1")
    let (second, _) = try sync(store, whole)
    let run = try await begin(store)
    #expect(run.isResumed && run.cursor == "sub_1")
    let done = try await second.run(run)
    #expect(done.counts[.subscriptions]?.seen == 2)
    #expect(whole.requests.first?.path == "/v1/subscriptions?status=all&limit=100&starting_after=sub_1")
  }

  /// The list is older than what an event has written: what counts is what Stripe says under the lock.
  @Test func anOldListOverwritesNothing() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    let now = FakeStripe.ok(payloads.subscription(status: "canceled", invoice: "in_1"))
    let old = FakeStripe.list([payloads.subscription(price: "price_team", invoice: "in_1")])
    let stripe = FakeStripe { request in
      if request.path.hasPrefix("/v1/subscriptions?") { return old }
      if request.path.hasPrefix("/v1/subscriptions/") { return now }
      return FakeStripe.list([])
    }
    let (sync, _) = try sync(store, stripe)
    _ = try await sync.run(try await begin(store))
    #expect(store.now.subscriptions["sub_1"]?.status == "canceled")
    #expect(store.now.accounts[.user("u1")]?.plan == nil)
  }

  @Test func whatFitsNobodyIsKeptAndMatchesLater() async throws {
    let store = TestBench.memory()
    let stranger = Payloads(customer: "cus_9", metadata: ["user_id": "u9"])
    let stripe = FakeStripe { request in
      if request.path.hasPrefix("/v1/subscriptions?") {
        return FakeStripe.list([stranger.subscription(invoice: "in_1")])
      }
      if request.path.hasPrefix("/v1/subscriptions/") {
        return FakeStripe.ok(stranger.subscription(invoice: "in_1"))
      }
      if request.path.hasPrefix("/v1/invoices?") { return FakeStripe.list([stranger.invoice("in_1")]) }
      return FakeStripe.list([])
    }
    let (sync, bench) = try sync(store, stripe)
    let run = try await sync.run(try await begin(store))
    #expect(run.counts[.subscriptions]?.unmatched == 1 && run.counts[.invoices]?.unmatched == 1)
    #expect(store.now.events["sync_sub_1"]?.outcome.status == "unmatched")
    store.change { $0.accounts[.user("u9")] = .init() }
    #expect(await bench.events.replayUnmatched(waitingFor: ["user:u9"], now: TestBench.now) == 2)
    #expect(store.now.liveGrants.map(\.account) == [.user("u9")])
  }
}
