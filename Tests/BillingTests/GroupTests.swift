import Billing
import BillingStores
import Gate
import PostgresStore
import Synchronization
import Testing

/// Deliveries that wait are done together: each ends as it would by itself.
@Suite struct GroupTests {
  /// Holds the only place with a first delivery, lets the others wait behind it, and then opens.
  private func deliver(_ bodies: [[UInt8]], to bench: TestBench, first: [UInt8]) async throws
    -> [WebhookAnswer]
  {
    bench.outbox.shut()
    return try await withThrowingTaskGroup(of: (Int, WebhookAnswer).self) { group in
      group.addTask { (-1, await bench.send(first)) }
      try await until("the first is at work") { bench.outbox.waiting == 1 }
      for (index, body) in bodies.enumerated() {
        group.addTask { (index, await bench.send(body)) }
        // In this order.
        try await until("it waits") { bench.processor.admission.waiting == index + 1 }
      }
      bench.outbox.open()
      var answers = Array(repeating: WebhookAnswer.signatureInvalid, count: bodies.count)
      for try await (index, answer) in group {
        if index < 0 { #expect(answer == .received) } else { answers[index] = answer }
      }
      return answers
    }
  }

  private let payloads = Payloads()
  private let first = Payloads(
    subscription: "sub_first", customer: "cus_first", metadata: ["user_id": "u2"])
  private var firstEvent: [UInt8] { first.event("evt_first", "invoice.paid", first.invoice("in_first")) }

  private func onePlace(_ store: any BillingStore, stripe: StripeClient? = nil) throws -> TestBench {
    try TestBench(store, stripe: stripe, admission: WebhookAdmission(runningMax: 1))
  }

  private func makeUsers(_ count: Int, _ database: PostgresBillingTests.Database) async throws {
    _ = try await database.pool.query(
      """
      INSERT INTO users (id, stripe_customer_id)
      SELECT 'g' || n, 'cus_g' || n FROM generate_series(0, $1 - 1) AS n
      """, [.int(Int64(count))])
  }

  private func renewal(_ number: Int) -> [UInt8] {
    let one = Payloads(subscription: "sub_g\(number)", customer: "cus_g\(number)")
    return one.event("evt_g\(number)", "invoice.paid", one.invoice("in_g\(number)"))
  }

  @Test func thoseThatWaitAreOneTransaction() async throws {
    let database = try await PostgresBillingTests.Database()
    try await makeUsers(40, database)
    let bench = try onePlace(database.store)
    let answers = try await deliver((0..<40).map(renewal), to: bench, first: firstEvent)
    #expect(answers.allSatisfy { $0 == .received })
    // 32 make a group.
    #expect(
      try await database.strings(
        """
        SELECT count(*) FROM webhook_events_processed WHERE status = 'processed'
        GROUP BY xmin::text ORDER BY min(processed_at)
        """) == ["1", "32", "8"])
    #expect(
      try await database.strings(
        "SELECT count(*) FROM grants JOIN users ON users.id = account_id WHERE account_id LIKE 'g%' AND plan = 'pro'"
      ) == ["40"])
    let actions =
      "SELECT action || ' ' || count(*) FROM audit_log WHERE subject LIKE 'user:g%' GROUP BY action"
    #expect(
      try await Set(database.strings(actions)) == [
        "subscription.change 40", "budget.reset 40", "plan.change 40",
      ])
    #expect(try await database.strings("SELECT count(*) FROM billing_invoices") == ["41"])
  }

  @Test func oneThatFailsIsAlone() async throws {
    let database = try await PostgresBillingTests.Database()
    try await makeUsers(6, database)
    _ = try await database.pool.query(
      "ALTER TABLE paid_invoices ADD CONSTRAINT none_of_these CHECK (invoice_id <> 'in_g3')")
    let bench = try onePlace(database.store)
    let answers = try await deliver((0..<6).map(renewal), to: bench, first: firstEvent)
    #expect(answers.map { $0 == .received } == [true, true, true, false, true, true])
    #expect(
      try await database.strings(
        "SELECT right(event_id, 2) || ' ' || status FROM webhook_events_processed ORDER BY event_id")
        == ["st processed"] + (0..<6).map { "g\($0) \($0 == 3 ? "failed" : "processed")" })
    _ = try await database.pool.query("ALTER TABLE paid_invoices DROP CONSTRAINT none_of_these")
    #expect(await bench.send(renewal(3)) == .received)
    #expect(
      try await database.strings(
        "SELECT attempts FROM webhook_events_processed WHERE event_id = 'evt_g3'") == ["2"])
    #expect(try await database.strings("SELECT count(*) FROM grants WHERE account_id LIKE 'g%'") == ["6"])
  }

  /// Redis refuses one account: the others' deliveries are not answered 503 for it.
  @Test func oneThatRedisRefusesIsAlone() async throws {
    let store = TestBench.memory()
    store.change { state in for n in 0..<4 { state.accounts[.user("g\(n)")] = .init(customer: "cus_g\(n)") } }
    let bench = try onePlace(store)
    bench.outbox.refuse(.user("g2"))
    let answers = try await deliver((0..<4).map(renewal), to: bench, first: firstEvent)
    #expect(answers.map { $0 == .received } == [true, true, false, true])
    bench.outbox.refuse(nil)
    #expect(await bench.send(renewal(2)) == .received)
    #expect(bench.outbox.applied.contains(.user("g2")))
  }

  /// Nobody is answered before the place has rested for as long as it is told to.
  @Test func aPlaceRestsWhileOthersWait() async throws {
    let store = TestBench.memory()
    let bench = try TestBench(store, admission: WebhookAdmission(runningMax: 1, restPercent: 1000))
    bench.outbox.shut()
    try await withThrowingTaskGroup(of: WebhookAnswer.self) { group in
      group.addTask { await bench.send(firstEvent) }
      try await until("the first is at work") { bench.outbox.waiting == 1 }
      let began = ContinuousClock.now
      group.addTask { await bench.send(payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))) }
      try await until("it waits") { bench.processor.admission.waiting == 1 }
      let opened = ContinuousClock.now
      bench.outbox.open()
      for try await answer in group { #expect(answer == .received) }
      #expect(ContinuousClock.now - opened >= (opened - began) * 10)
    }
  }

  /// Events of one subscription and account, in the order they came and one of them twice, as one after the other.
  @Test func whatBelongsTogetherGoesOneAfterTheOther() async throws {
    let other = Payloads(subscription: "sub_2")
    let bodies = [
      payloads.event("evt_1", "customer.subscription.created", payloads.subscription(invoice: "in_1")),
      payloads.event("evt_2", "invoice.paid", payloads.invoice("in_1")),
      payloads.event("evt_3", "invoice.payment_succeeded", payloads.invoice("in_1")),
      other.event("evt_4", "customer.subscription.created", other.subscription(price: "price_basic")),
      payloads.event("evt_2", "invoice.paid", payloads.invoice("in_1")),
      payloads.event("evt_5", "customer.subscription.deleted", payloads.subscription(status: "canceled")),
    ]
    let alone = try await PostgresBillingTests.Database()
    let one = try TestBench(alone.store)
    for body in [firstEvent] + bodies { #expect(await one.send(body) == .received) }
    let together = try await PostgresBillingTests.Database()
    let bench = try onePlace(together.store)
    let answers = try await deliver(bodies, to: bench, first: firstEvent)
    #expect(answers.allSatisfy { $0 == .received })
    #expect(try await together.view() == alone.view())
    let audit = "SELECT action || ' ' || subject || ' ' || reason FROM audit_log ORDER BY id"
    #expect(try await together.strings(audit) == alone.strings(audit))
    #expect(bench.events.tally.counts.duplicates == 1)
  }

  /// With a key all of a group are asked about at the same time.
  @Test func stripeIsAskedAtOnce() async throws {
    let store = TestBench.memory()
    let world = Crowd(5)
    let bench = try onePlace(store, stripe: world.client)
    store.change { state in for n in 0..<5 { state.accounts[.user("g\(n)")] = .init(customer: "cus_g\(n)") } }
    let bodies = (0..<5).map { number in
      let one = Payloads(subscription: "sub_g\(number)", customer: "cus_g\(number)")
      return one.event(
        "evt_g\(number)", "customer.subscription.updated", one.subscription(price: "price_basic"))
    }
    let record = first.event("evt_first", "invoice.voided", first.invoice("in_first"))
    let answers = try await deliver(bodies, to: bench, first: record)
    #expect(answers.allSatisfy { $0 == .received })
    // What it answered counts, not what the events said.
    #expect((0..<5).allSatisfy { store.now.accounts[.user("g\($0)")]?.plan == "pro" })
  }
}

/// Stripe, which answers when so many have asked.
private final class Crowd: StripeTransport {
  private let size: Int
  private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
  private let ticks = Mutex<Int64>(0)

  init(_ size: Int) { self.size = size }

  func send(_ request: StripeRequest) async throws -> StripeReply {
    await withCheckedContinuation { continuation in
      let all = waiting.withLock { waiting in
        waiting.append(continuation)
        return waiting.count == size ? waiting : []
      }
      for continuation in all { continuation.resume() }
    }
    let id = String(request.path.drop { $0 != "_" }.prefix { $0 != "?" })
    return FakeStripe.ok(Payloads(subscription: "sub\(id)", customer: "cus\(id)").subscription())
  }

  var client: StripeClient {
    let pace = StripePace(
      isLive: true,
      microseconds: {
        self.ticks.withLock { ticks in
          ticks += 1_000_000
          return ticks
        }
      })
    return StripeClient(key: "sk_test_key", transport: self, pace: pace, logger: TestBench.logger)
  }
}
