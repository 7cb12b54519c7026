import Billing
import Foundation
import Gate
import PostgresStore
import Testing

/// `stripe.sync_hours`: of all gates that look whether it is time, one does it.
@Suite struct SyncScheduleTests {
  private struct Gate: Sendable {
    let schedule: SyncSchedule
    let stripe: FakeStripe
    /// Runs that asked Stripe for its subscriptions here.
    var runs: Int { stripe.requests.count { $0.path.hasPrefix("/v1/subscriptions?") } }
  }

  private func gate(_ database: PostgresBillingTests.Database) throws -> Gate {
    let stripe = FakeStripe { _ in FakeStripe.list([]) }
    let bench = try TestBench(database.store, stripe: stripe.client)
    let sync = StripeSync(
      events: bench.events, positions: database.store, stripe: stripe.client,
      now: { Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
      logger: TestBench.logger)
    return Gate(schedule: SyncSchedule(sync: sync, hours: 6, pollSeconds: 1), stripe: stripe)
  }

  /// The last run is so long ago.
  private func began(_ minutes: Int64, _ database: PostgresBillingTests.Database) async throws {
    _ = try await database.pool.query(
      "UPDATE stripe_sync SET last_began_at = now() - $1 * interval '1 minute'", [.int(minutes)])
  }

  @Test func oneOfTwoGatesDoesItWhenItIsTime() async throws {
    let database = try await PostgresBillingTests.Database()
    let gates = [try gate(database), try gate(database)]
    func look() async -> [Bool] {
      await withTaskGroup(of: Bool.self) { group in
        // Both, and each of them twice.
        for gate in gates + gates { group.addTask { await gate.schedule.runIfDue() } }
        return await group.reduce(into: []) { $0.append($1) }
      }
    }
    func runs() -> Int { gates.map(\.runs).reduce(0, +) }

    // Never done: it is time.
    #expect(await look().count { $0 } == 1)
    #expect(runs() == 1)
    // Not before six hours after the last one began.
    for minutes in [0, 60, 359] as [Int64] {
      try await began(minutes, database)
      #expect(await look() == [false, false, false, false])
    }
    #expect(runs() == 1)
    try await began(361, database)
    #expect(await look().count { $0 } == 1)
    #expect(runs() == 2)
    let row = "SELECT concat_ws(' ', stage, owner, lease_until, finished_at IS NOT NULL) FROM stripe_sync"
    #expect(try await database.strings(row) == ["t"])
  }

  @Test func theGatesDoItByThemselves() async throws {
    let database = try await PostgresBillingTests.Database()
    let gates = [try gate(database), try gate(database)]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for gate in gates { group.addTask { await gate.schedule.run() } }
      try await until("it is done for the first time") { gates.contains { $0.runs == 1 } }
      try await until("it is through") {
        try await database.strings("SELECT count(*) FROM stripe_sync WHERE finished_at IS NOT NULL") == ["1"]
      }
      #expect(gates.map(\.runs).reduce(0, +) == 1)
      try await began(361, database)
      try await until("it is done again") { gates.map(\.runs).reduce(0, +) == 2 }
      group.cancelAll()
    }
  }
}
