import Glibc
import TestServers
import Testing

extension FullStack {
  /// The gate or Postgres is killed at each step of a webhook's processing, and the delivery comes again.
  @Suite(.stack(StackOptions(ownPostgres: true))) struct WebhookCrashTests {
    /// Where it is killed. Each is reached by keeping what the next step needs.
    enum Step: String, CaseIterable, Sendable, CustomStringConvertible {
      case beforeItIsStored, beforeItIsDecided, beforeTheCommit, afterTheCommit

      var description: String { rawValue }

      /// The table that the next step needs; after the commit that is Redis.
      var table: String? {
        switch self {
        case .beforeItIsStored: "webhook_events_processed"
        case .beforeItIsDecided: "subscriptions"
        case .beforeTheCommit: "grants"
        case .afterTheCommit: nil
        }
      }
    }

    private static let day: Int64 = 86_400

    @Test(arguments: Step.allCases) func theGateIsKilled(step: Step) async throws {
      try await crash(at: step, "gate-\(step)") { stack in
        stack.gate.signal(SIGKILL)
        let code = try await stack.gate.exitCode(within: .seconds(10))
        #expect(code == 128 + SIGKILL)
      } recover: { stack in
        try await stack.startGate()
      }
    }

    @Test(arguments: Step.allCases) func postgresIsKilled(step: Step) async throws {
      try await crash(at: step, "postgres-\(step)") { stack in
        try await stack.postgres.kill9()
      } recover: { stack in
        try await stack.postgres.restart()
        try await eventually(within: .seconds(15), "Postgres is back") {
          try await stack.call("GET", "/readyz").json["components"]["postgres"]["status"] == .string("up")
        }
      }
    }

    /// A user with a period behind them and use in it gets the next one, through a crash.
    private func crash(
      at step: Step, _ name: String, kill: (Stack) async throws -> Void, recover: (Stack) async throws -> Void
    ) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser(name)
      let events = StripeEvents(user: user.id)
      let now = StripeEvents.now
      let first = (start: now - 30 * Self.day, end: now - 50)
      for body in [
        events.subscription("evt_1_\(name)", from: first.start, to: first.end),
        events.invoice(
          "evt_2_\(name)", "invoice.paid", invoice: "in_1_\(name)", from: first.start, to: first.end),
      ] {
        #expect(try await stack.webhook(body).status == 200)
      }
      #expect(try await stack.check(user, #"{"feature":"note","tokens":700000}"#).status == 200)
      try await stack.waitForBooks()

      let renewal = events.invoice(
        "evt_3_\(name)", "invoice.paid", invoice: "in_2_\(name)", from: now - 50, to: now + 30 * Self.day)
      let held = try await hold(step, stack)
      async let delivery = try? stack.webhook(renewal)
      try await waitUntilItStops(at: step, "evt_3_\(name)", stack)
      try await kill(stack)
      await held()
      // Whatever it was answered, if at all: it was not done when it died.
      if let status = await delivery?.status { #expect(status != 200, "\(step)") }
      try await recover(stack)

      let reset = "FROM tollgate.grants WHERE account_id = '\(user.id)' AND source_reference = 'in_2_\(name)'"
      if step != .afterTheCommit {
        #expect(try await stack.sql("SELECT count(*) \(reset)") == "0")
        let stored = "SELECT count(*) FROM tollgate.webhook_events_processed WHERE event_id = 'evt_3_\(name)'"
        #expect(try await stack.sql("\(stored) AND status = 'processed'") == "0")
      }
      // Stripe comes again, twice at once and with the twin; each 2xx means that it counts.
      let twin = events.invoice(
        "evt_4_\(name)", "invoice.payment_succeeded", invoice: "in_2_\(name)", from: now - 50,
        to: now + 30 * Self.day)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for body in [renewal, renewal, twin] {
          group.addTask {
            #expect(try await stack.webhook(body).status == 200)
            let seen = try await stack.check(user, #"{"feature":"note","mode":"peek"}"#)
            #expect(
              seen.status == 200 && seen.budget.limit == 1_000_000 && seen.budget.used == 0, "\(seen.text)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await stack.check(user, #"{"feature":"note","tokens":5000}"#).status == 200)
      #expect(try await stack.webhook(renewal).status == 200)
      let budget = try await stack.budget(user)
      #expect(budget.used == 5000 && budget.limit == 1_000_000 && budget.adds)
      #expect(try await stack.sql("SELECT count(*) \(reset) AND revoked_at IS NULL") == "1")
      #expect(
        try await stack.sql(
          "SELECT count(*) FROM tollgate.audit_log WHERE action = 'budget.reset' AND subject = 'user:\(user.id)'"
        )
          == "2")
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 705_000)
    }

    /// Keeps what the next step needs; gives it back when it is called.
    private func hold(_ step: Step, _ stack: Stack) async throws -> () async -> Void {
      guard let table = step.table else {
        stack.redis.pause()
        return { stack.redis.resume() }
      }
      let lock = try await TableLock.take("tollgate.\(table)", of: stack.database)
      return { await lock.release() }
    }

    private func waitUntilItStops(at step: Step, _ event: String, _ stack: Stack) async throws {
      let condition: String
      if let table = step.table {
        condition =
          "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'tollgate.\(table)'::regclass)"
      } else {
        condition =
          "EXISTS (SELECT FROM tollgate.webhook_events_processed WHERE event_id = '\(event)' AND status = 'processed')"
      }
      try await eventually(within: .seconds(10), "it stops \(step)") {
        try await stack.sql("SELECT \(condition)") == "t"
      }
    }
  }
}
