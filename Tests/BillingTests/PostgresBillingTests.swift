import Billing
import Gate
import Logging
import PostgresStore
import Signatures
import TestServers
import Testing

/// The same over a real Postgres.
@Suite struct PostgresBillingTests {
  struct Database {
    let pool: PostgresPool
    let store: PostgresBillingStore

    init(connections: Int = 8) async throws {
      let server = try await PostgresServer.shared()
      var configuration = PostgresConfiguration(url: try await server.makeDatabase())
      configuration.connections = connections
      var logger = Logger(label: "test")
      logger.logLevel = .critical
      try await Migrator.migrate(configuration, logger: logger)
      pool = PostgresPool(configuration: configuration, logger: logger)
      store = PostgresBillingStore(pool: pool)
      try await store.seedPrices(TestCatalog.prices)
      _ = try await pool.query(
        """
        INSERT INTO users (id, email, stripe_customer_id)
        VALUES ('u1', 'one@example.com', 'cus_1'), ('u2', 'two@example.com', NULL)
        """)
      _ = try await pool.query("INSERT INTO tenants (id) VALUES ('t1')")
    }

    func strings(_ sql: String) async throws -> [String] {
      let rows = try await pool.query(sql)
      return (0..<rows.count).map { rows.string($0, 0) ?? "-" }
    }

    /// What a user can feel of it.
    func view() async throws -> [String] {
      try await strings(
        """
        SELECT concat_ws(' ', 'user', id, coalesce(plan, '-'), coalesce(stripe_customer_id, '-')) FROM users
        UNION ALL
        SELECT concat_ws(' ', stripe_subscription_id, status, plan, seats, current_period_start, user_id)
        FROM subscriptions
        UNION ALL
        SELECT concat_ws(' ', 'grant', account_kind, account_id, kind, tokens, period_start, is_trial)
        FROM grants WHERE revoked_at IS NULL ORDER BY 1
        """)
    }
  }

  let payloads = Payloads()

  @Test func twentyDeliveriesOfOnePaymentResetOnce() async throws {
    let database = try await Database(connections: 12)
    let bench = try TestBench(database.store)
    let body = payloads.invoice("in_1")
    let answers = await withTaskGroup(of: WebhookAnswer.self) { group in
      for number in 0..<20 {
        let type = number.isMultiple(of: 2) ? "invoice.paid" : "invoice.payment_succeeded"
        // Two event ids, ten deliveries of each.
        let event = payloads.event("evt_\(number % 2)", type, body)
        group.addTask { await bench.send(event, deliveriesMax: 10) }
      }
      var answers: [WebhookAnswer] = []
      for await answer in group { answers.append(answer) }
      return answers
    }
    #expect(answers == Array(repeating: .received, count: 20))
    #expect(try await database.strings("SELECT tokens FROM grants") == ["\(TestCatalog.proTokens)"])
    #expect(
      try await database.strings("SELECT status FROM webhook_events_processed ORDER BY event_id")
        == ["processed", "processed"])
    #expect(try await database.strings("SELECT plan FROM users WHERE plan_changed_at IS NOT NULL") == ["pro"])
    #expect(
      try await database.strings("SELECT action FROM audit_log ORDER BY id") == [
        "subscription.change", "budget.reset", "plan.change",
      ])
    // The change is in the outbox for Redis.
    let outbox = "SELECT count(*) FROM outbox WHERE account_id = 'u1' AND applied_at IS NULL"
    #expect(try await database.strings(outbox).first.flatMap { Int($0) } ?? 0 > 0)
  }

  @Test func differentSubscriptionsOfOneUserAtOnce() async throws {
    let database = try await Database(connections: 12)
    let bench = try TestBench(database.store)
    await withTaskGroup(of: WebhookAnswer.self) { group in
      for number in 0..<16 {
        let one = Payloads(subscription: "sub_\(number % 4)")
        let price = number.isMultiple(of: 2) ? "price_pro" : "price_basic"
        let event = one.event(
          "evt_\(number)", number < 8 ? "invoice.paid" : "customer.subscription.updated",
          number < 8
            ? one.invoice("in_\(number % 4)", lines: [.init(price: price)])
            : one.subscription(price: price))
        // Each waits for those before it; one that waited too long comes again, as Stripe's do after a 5xx.
        group.addTask { await bench.send(event, deliveriesMax: 10) }
      }
      for await answer in group { #expect(answer == .received) }
    }
    #expect(try await database.strings("SELECT plan FROM users WHERE id = 'u1'") == ["pro"])
    // One of them speaks; the others keep what they would have, until it is their turn.
    let live = "SELECT tokens FROM grants WHERE revoked_at IS NULL"
    #expect(try await database.strings(live) == ["\(TestCatalog.proTokens)"])
    #expect(
      try await database.strings("SELECT count(*) FROM grants WHERE revoked_reason = 'suspended'") == ["3"])
  }

  @Test func forgedChangesNothing() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let before = try await database.view()
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    let forged = StripeSignature.sign(
      rawBody: body, secrets: try WebhookSecrets(["whsec_another_one"]), timestamp: TestBench.now.seconds)
    let stale = StripeSignature.sign(
      rawBody: body, secrets: bench.secrets, timestamp: TestBench.now.seconds - 10_000)
    for header in [nil, forged, stale] {
      let answer = await bench.processor.receive(rawBody: body, signatureHeader: header, now: TestBench.now)
      #expect(answer == .signatureInvalid)
    }
    #expect(try await database.view() == before)
    #expect(try await database.strings("SELECT event_id FROM webhook_events_processed").isEmpty)
  }

  /// Postgres and the model end in the same state as each other, and in any order.
  @Test func ordersOfHistories() async throws {
    var random = SplitMix.seeded("ORDER_SEED")
    for history in Histories.all(.both) {
      let inOrder = try await end(of: history.events)
      let shuffled = try await end(of: history.events.shuffled(using: &random))
      #expect(inOrder == shuffled, "\(history)")
    }
  }

  private func end(of events: [[UInt8]]) async throws -> [String] {
    let database = try await Database(connections: 2)
    let bench = try TestBench(database.store)
    for event in events + events { #expect(await bench.send(event) == .received) }
    let view = try await database.view()
    await database.pool.close()
    return view
  }

  @Test func topUpOncePerSessionAndTakenBack() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let extra: [String: Any] = [
      "metadata": ["price": "price_pack"], "payment_intent": "pi_1", "client_reference_id": "u2",
    ]
    let session = payloads.session(mode: "payment", extra: extra)
    await bench.send(payloads.event("evt_1", "checkout.session.completed", session))
    await bench.send(payloads.event("evt_2", "checkout.session.async_payment_succeeded", session))
    let live = "SELECT account_id || ' ' || kind || ' ' || tokens FROM grants WHERE revoked_at IS NULL"
    #expect(try await database.strings(live) == ["u2 topup 100000"])
    let charge: [String: Any] = [
      "id": "ch_1", "object": "charge", "refunded": true, "payment_intent": "pi_1",
    ]
    await bench.send(payloads.event("evt_3", "charge.refunded", charge))
    await bench.send(payloads.event("evt_4", "charge.refunded", charge))
    #expect(try await database.strings(live).isEmpty)
    #expect(
      try await database.strings("SELECT action FROM audit_log ORDER BY id") == [
        "customer.link", "grant.add", "grant.refunded", "charge.refunded", "charge.refunded",
      ])
  }

  @Test func cluesInOrder() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    // The customer is u1's, the metadata says u2.
    let named = Payloads(metadata: ["user_id": "u2"])
    await bench.send(named.event("evt_1", "invoice.paid", named.invoice("in_1")))
    // Nobody's customer; the email is u1's, in other letters.
    let mailed = Payloads(subscription: "sub_2", customer: "cus_2")
    let invoice = mailed.invoice("in_2", extra: ["customer_email": "ONE@example.com"])
    await bench.send(mailed.event("evt_2", "invoice.paid", invoice))
    // A tenant, by another system's spelling.
    let company = Payloads(subscription: "sub_3", customer: "cus_3", metadata: ["company_id": "t1"])
    let seats = company.invoice("in_3", lines: [.init(price: "price_team", quantity: 4)])
    await bench.send(company.event("evt_3", "invoice.paid", seats))
    #expect(
      try await database.strings(
        "SELECT subscription_id || ' ' || account_id || ' ' || tokens FROM grants ORDER BY 1") == [
          "sub_1 u2 1000000", "sub_2 u1 1000000", "sub_3 t1 20000000",
        ])
    // Two users with one email are nobody.
    _ = try await database.pool.query("UPDATE users SET email = 'one@example.com'")
    let doubtful = Payloads(subscription: "sub_4", customer: "cus_4")
    let other = doubtful.invoice("in_4", extra: ["customer_email": "one@example.com"])
    await bench.send(doubtful.event("evt_4", "invoice.paid", other))
    #expect(
      try await database.strings("SELECT status FROM webhook_events_processed WHERE event_id = 'evt_4'")
        == ["unmatched"])
  }

  @Test func metadataMovesASubscription() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    let named = Payloads(metadata: ["user_id": "u2"])
    await bench.send(
      named.event("evt_2", "customer.subscription.updated", named.subscription(invoice: "in_1")))
    #expect(
      try await database.strings("SELECT account_id FROM grants WHERE revoked_at IS NULL") == ["u2"])
    #expect(
      try await database.strings("SELECT id || coalesce(plan, '-') FROM users ORDER BY id") == [
        "u1-", "u2pro",
      ])
  }

  @Test func aDuplicatePassesOnWhatIsStored() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    let body = payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))
    bench.outbox.fail(true)
    #expect(await bench.send(body) == .storeUnavailable)
    let status = "SELECT status FROM webhook_events_processed"
    #expect(try await database.strings(status) == ["processed"])
    bench.outbox.fail(false)
    #expect(await bench.send(body) == .received)
    #expect(try await database.strings(status) == ["processed"])
    #expect(try await database.strings("SELECT count(*) FROM grants") == ["1"])
    #expect(bench.outbox.applied == [.user("u1")])
  }

  @Test func statusFacts() async throws {
    let database = try await Database()
    let bench = try TestBench(database.store)
    await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1")))
    let facts = try #require(try await database.store.billingAccount(user: "u1"))
    #expect(facts.account == .user("u1"))
    #expect(facts.plan == "pro")
    #expect(facts.subscriptions.map(\.id) == ["sub_1"])
    #expect(try await database.store.billingAccount(user: "nobody") == nil)
    #expect(try await database.store.receipt("evt_1")?.type == "invoice.paid")
  }

  /// Open, given up, void, paid: in this direction, in whatever order they come. The model does the same.
  @Test func anInvoiceGoesOneWay() async throws {
    let database = try await Database()
    for order in permutations(["open", "uncollectible", "void", "paid"]) {
      _ = try await database.pool.query("TRUNCATE billing_invoices, webhook_events_processed")
      let memory = TestBench.memory()
      for store in [database.store, memory] as [any BillingStore] {
        let bench = try TestBench(store)
        var reached: [String] = []
        for status in order {
          let type =
            ["open": "payment_failed", "uncollectible": "marked_uncollectible", "void": "voided"][status]
          let invoice = payloads.invoice("in_1", status: status)
          await bench.send(payloads.event("evt_\(status)", "invoice.\(type ?? "paid")", invoice))
          reached.append(status)
          let last = ["open", "uncollectible", "void", "paid"].last { reached.contains($0) }
          let held = try await store.invoices(of: .user("u1"), limit: 10).map(\.status)
          #expect(held == [last], "\(order)")
        }
      }
    }
  }
}
