import Billing
import Gate
import PostgresStore
import Testing

/// The queues that are rows: customers to be made, clues that appeared, the comparison's position.
@Suite struct PostgresQueueTests {
  typealias Database = PostgresBillingTests.Database
  let payloads = Payloads()

  /// Whoever makes an account puts it in: here as another system would, a token for an unknown user included.
  @Test func everyAccountIsQueuedOnce() async throws {
    let database = try await Database(connections: 12)
    _ = try await database.pool.query("INSERT INTO users (id) SELECT 'x' || n FROM generate_series(1, 40) n")
    _ = try await database.pool.query(
      "INSERT INTO extension_tokens (user_id, token_hash) VALUES ('y1', sha256('a'))")
    let claimed = try await withThrowingTaskGroup(of: [CustomerOrder].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var all: [CustomerOrder] = []
          while case let orders = try await database.store.claimCustomerOrders(limit: 7, leaseSeconds: 60),
            !orders.isEmpty
          {
            all += orders
          }
          return all
        }
      }
      var all: [CustomerOrder] = []
      for try await orders in group { all += orders }
      return all
    }
    // u2, t1, x1…x40 and y1; u1 has a customer.
    #expect(claimed.count == 43)
    #expect(Set(claimed.map(\.account)).count == 43)
    #expect(claimed.allSatisfy { !$0.isRepeated && $0.number == 1 })
    #expect(claimed.first { $0.account == .user("u2") }?.email == "two@example.com")
  }

  @Test func oneThatFailedComesAgainLater() async throws {
    let database = try await Database()
    let store = database.store
    #expect(try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60).count == 2)
    try await store.postponeCustomerOrder(.user("u2"), seconds: 0, error: "no")
    _ = try await database.pool.query("UPDATE users SET email = 'new@example.com' WHERE id = 'u2'")
    let again = try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60)
    // With what was sent before: Stripe takes a key only with the same parameters.
    #expect(again == [CustomerOrder(account: .user("u2"), email: "two@example.com", isRepeated: true)])
    try await store.postponeCustomerOrder(.user("u2"), seconds: 5, error: "no")
    #expect(try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60).isEmpty)
    #expect(
      try await database.strings(
        "SELECT next_attempt_at > now() + interval '10 seconds' FROM customer_orders WHERE last_error = 'no'")
        == ["t"])
  }

  @Test func aCustomerIsLinkedOnceAndNotMadeAgainBehindAnyonesBack() async throws {
    let database = try await Database()
    let store = database.store
    _ = try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60)
    #expect(try await store.finishCustomerOrder(.user("u2"), customer: "cus_2") == "cus_2")
    #expect(try await store.finishCustomerOrder(.user("u2"), customer: "cus_3") == "cus_2")
    _ = try await database.pool.query("UPDATE users SET stripe_customer_id = NULL WHERE id = 'u2'")
    #expect(try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60).isEmpty)
    // One that was deleted at Stripe is followed by another only when somebody asks, under a new key.
    let bench = try TestBench(store)
    await bench.send(payloads.event("evt_1", "customer.deleted", ["id": "cus_1", "object": "customer"]))
    #expect(try await store.claimCustomerOrders(limit: 9, leaseSeconds: 60).isEmpty)
    #expect(
      try await store.customerOrder(for: .user("u1"))
        == CustomerOrder(account: .user("u1"), email: "one@example.com", number: 2))
    await #expect(throws: StoreError.self) { try await store.customerOrder(for: .user("nobody")) }
    let audit = "SELECT action || ' ' || subject FROM audit_log WHERE action LIKE 'customer.%' ORDER BY id"
    #expect(try await database.strings(audit) == ["customer.link user:u2", "customer.unlink user:u1"])
  }

  /// An event that fits nobody is tried when what it waits for appears, by whatever hand.
  @Test(arguments: [
    "INSERT INTO users (id) VALUES ('u9')", "INSERT INTO users (id, email) VALUES ('z', 'Nine@example.com')",
    "UPDATE users SET stripe_customer_id = 'cus_9' WHERE id = 'u2'",
    "UPDATE tenants SET stripe_customer_id = 'cus_9'",
    "INSERT INTO extension_tokens (user_id, token_hash) VALUES ('u9', sha256('a'))",
  ])
  func whatAppearsIsNoticed(sql: String) async throws {
    let database = try await Database(connections: 3)
    let bench = try TestBench(database.store)
    let stranger = Payloads(customer: "cus_9", metadata: ["user_id": "u9"])
    let invoice = stranger.invoice("in_1", extra: ["customer_email": "nine@EXAMPLE.com"])
    await bench.send(stranger.event("evt_1", "invoice.paid", invoice))
    let status = "SELECT status FROM webhook_events_processed"
    #expect(try await database.strings(status) == ["unmatched"])
    // Nobody waits for these.
    _ = try await database.pool.query("INSERT INTO users (id) VALUES ('someone')")
    #expect(try await database.strings("SELECT clue FROM webhook_clues").isEmpty)
    _ = try await database.pool.query(sql)
    #expect(try await database.strings("SELECT clue FROM webhook_clues").count == 1)
    await bench.events.replayAppeared(now: TestBench.now)
    #expect(try await database.strings(status) == ["processed"])
    #expect(try await database.strings("SELECT clue FROM webhook_clues").isEmpty)
    #expect(try await database.strings("SELECT count(*) FROM grants WHERE revoked_at IS NULL") == ["1"])
    await database.pool.close()
  }

  /// One that is tried again and fails for another reason waits on: nobody would send it again.
  @Test func anUnmatchedOneStaysSoWhenATryFails() async throws {
    let database = try await Database(connections: 3)
    let bench = try TestBench(database.store)
    let stranger = Payloads(customer: "cus_9", metadata: ["user_id": "u9"])
    await bench.send(stranger.event("evt_1", "invoice.paid", stranger.invoice("in_1")))
    _ = try await database.pool.query("INSERT INTO users (id) VALUES ('u9')")
    _ = try await database.pool.query("ALTER TABLE grants RENAME TO gone")
    await bench.events.replayAppeared(now: TestBench.now)
    let status = "SELECT status FROM webhook_events_processed"
    #expect(try await database.strings(status) == ["unmatched"])
    _ = try await database.pool.query("ALTER TABLE gone RENAME TO grants")
    await bench.events.replayUnmatched(waitingFor: nil, now: TestBench.now)
    #expect(try await database.strings(status) == ["processed"])
    await database.pool.close()
  }

  @Test func aPriceThatAppearsIsNoticed() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let invoice = payloads.invoice("in_1", lines: [.init(price: "price_new")])
    await bench.send(payloads.event("evt_1", "invoice.paid", invoice))
    #expect(bench.events.tally.counts.unknownPrices == 1)
    _ = try await database.pool.query("INSERT INTO plan_price_map VALUES ('price_new', 'pro')")
    await bench.events.replayAppeared(now: TestBench.now)
    #expect(try await database.strings("SELECT plan FROM users WHERE id = 'u1'") == ["pro"])
  }

  @Test func historyAndOrders() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let open = payloads.invoice(
      "in_2", lines: [.init(period: 1)], status: "open",
      extra: ["amount_due": 2000, "created": 1_790_000_100])
    let paid = payloads.invoice(
      "in_2", lines: [.init(period: 1)],
      extra: ["amount_due": 2000, "amount_paid": 2000, "created": 1_790_000_100])
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    await bench.send(payloads.event("evt_2", "invoice.paid", paid))
    // The failure before the payment comes after it.
    await bench.send(payloads.event("evt_3", "invoice.payment_failed", open))
    let list = try await database.store.invoices(of: .user("u1"), limit: 10)
    #expect(list.map(\.id) == ["in_2", "in_1"])
    #expect(list.first?.status == "paid" && list.first?.amountPaid == 2000)
    #expect(list.first?.periodStart == Instant(seconds: Payloads.period(1)))
    #expect(try await database.store.invoices(of: .user("u2"), limit: 10).isEmpty)
  }

  @Test func oldEventsAreDropped() async throws {
    let database = try await Database()
    _ = try await database.pool.query(
      """
      INSERT INTO webhook_events_processed (event_id, type, status, received_at)
      SELECT status || days, 't', status, now() - days * interval '1 day'
      FROM unnest(ARRAY['processed', 'ignored', 'unmatched', 'failed']) AS status, unnest(ARRAY[29, 31, 366]) AS days
      """)
    #expect(try await database.store.pruneEvents(settledDays: 30, openDays: 365) == 6)
    #expect(
      try await database.strings("SELECT event_id FROM webhook_events_processed ORDER BY 1") == [
        "failed29", "failed31", "ignored29", "processed29", "unmatched29", "unmatched31",
      ])
  }

  @Test func oneComparesAtATime() async throws {
    let database = try await Database(connections: 8)
    let store = database.store
    let runs = await withTaskGroup(of: SyncRun?.self) { group in
      for number in 0..<6 {
        group.addTask {
          try? await store.beginSync(
            .everything, owner: "gate-\(number)", leaseSeconds: 60, ifLastBefore: nil)
        }
      }
      var runs: [SyncRun] = []
      for await run in group { if let run { runs.append(run) } }
      return runs
    }
    #expect(runs.count == 1)
    var run = try #require(runs.first)
    #expect(run.stage == .subscriptions && !run.isResumed && run.since == nil)
    run.cursor = "sub_7"
    run.counts[.subscriptions] = {
      var count = SyncRun.Count(); count.seen = 5; return count
    }()
    #expect(try await store.saveSync(run, leaseSeconds: 60))
    var foreign = run
    foreign.owner = "another"
    #expect(try await !store.saveSync(foreign, leaseSeconds: 60))
    // It dies; after its lease another goes on where it was.
    _ = try await database.pool.query("UPDATE stripe_sync SET lease_until = now() - interval '1 second'")
    var next = try await store.beginSync(.sinceLastRun, owner: "next", leaseSeconds: 60, ifLastBefore: nil)
    #expect(next.isResumed && next.cursor == "sub_7" && next.counts[.subscriptions]?.seen == 5)
    #expect(try await !store.saveSync(run, leaseSeconds: 60))
    next.stage = nil
    #expect(try await store.saveSync(next, leaseSeconds: 60))
    await #expect(throws: SyncRefusal.isNotDue) {
      try await store.beginSync(
        .sinceLastRun, owner: "x", leaseSeconds: 60,
        ifLastBefore: run.beganAt.advanced(seconds: -60))
    }
    let third = try await store.beginSync(
      .sinceLastRun, owner: "third", leaseSeconds: 60, ifLastBefore: run.beganAt.advanced(seconds: 60))
    #expect(!third.isResumed && third.since == run.beganAt.advanced(seconds: -3600))
    await #expect(throws: SyncRefusal.self) {
      try await store.beginSync(.everything, owner: "fourth", leaseSeconds: 60, ifLastBefore: nil)
    }
    try await store.releaseSync(owner: "third")
    // What is asked for now is more than what was left: it begins anew.
    let full = try await store.beginSync(.everything, owner: "full", leaseSeconds: 60, ifLastBefore: nil)
    #expect(!full.isResumed && full.since == nil)
  }

  /// Two live subscriptions in the books: the better one's grant is in force, and the other's when it ends.
  @Test func theOtherSubscriptionComesBack() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let basic = Payloads(subscription: "sub_b")
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    await bench.send(
      basic.event(
        "evt_2", "invoice.paid", basic.invoice("in_2", lines: [.init(price: "price_basic", period: 1)])))
    let live = "SELECT subscription_id FROM grants WHERE revoked_at IS NULL"
    #expect(try await database.strings(live) == ["sub_1"])
    await bench.send(
      payloads.event("evt_3", "customer.subscription.deleted", payloads.subscription(status: "canceled")))
    #expect(try await database.strings(live) == ["sub_b"])
    #expect(try await database.strings("SELECT plan FROM users WHERE id = 'u1'") == ["basic"])
    #expect(
      try await database.strings("SELECT count(*) FROM audit_log WHERE action = 'subscription.several'") == [
        "1"
      ])
  }
}
