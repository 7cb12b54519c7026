import Foundation
import Testing

extension FullStack {
  @Suite(.stack, .timeLimit(.minutes(5))) struct InvariantTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed =
      environment["TOLLGATE_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 1 ... .max)
    private static let seconds = environment["TOLLGATE_TEST_STORM_S"].flatMap { Int($0) } ?? 30

    /// Budgets that are used up on the way, a pool that is shared, clients that hang up: at every moment that is
    /// looked at the numbers add up, and in the end the books have exactly what each caller knows that it used.
    @Test func budgetsStayExactUnderAStormOfHolds() async throws {
      let stack = Stack.here
      print("InvariantTests: TOLLGATE_TEST_SEED=\(InvariantTests.seed)")
      var users: [TestUser] = []
      let team = try await stack.admin("PUT", "/admin/v1/tenants/crowd", #"{"plan":"crowd"}"#)
      #expect(team.status == 200, "\(team.text)")
      for index in 0..<12 {
        let plan = index % 3 == 0 ? "storm" : "wide"
        users.append(
          try await stack.makeUser("inv-\(index)", plan: plan, tenant: index % 4 == 3 ? "crowd" : nil))
      }
      let load = InvariantLoad(stack, users, lasting: .seconds(InvariantTests.seconds))
      let tally = try await load.run(connections: 64, seed: InvariantTests.seed)
      print("InvariantTests: answers \(tally.answers), \(tally.aborted) hung up")
      #expect(tally.wrong.isEmpty, "\(tally.wrong.prefix(5))")
      #expect((tally.answers[200] ?? 0) > 1000 && (tally.answers[429] ?? 0) > 0 && tally.aborted > 10)

      try await expectNoHolds(users)
      try await stack.waitForBooks()
      var pooled: Int64 = 0
      for (index, user) in users.enumerated() {
        let known = tally.used[user.id] ?? [:]
        let used = known.values.reduce(0, +)
        let differing = try await operations(of: user).filter { $0.tokens != known[$0.operation] ?? 0 }
        #expect(differing.isEmpty, "\(differing.map { "\($0) known as \(known[$0.operation] ?? 0)" })")
        let budget = try await stack.budget(user)
        #expect(try await stack.booked(user.id) == used, "\(user.id)")
        #expect(
          budget.used == used && budget.debt == 0 && budget.held == 0, "\(user.id) \(budget), knows \(used)")
        if index % 4 == 3 { pooled += used }
      }
      let pool = try await stack.admin("GET", "/admin/v1/tenants/crowd/budget")
      #expect(pool.budget.used == pooled && pool.budget.held == 0 && pool.budget.adds, "\(pool.text)")
      let entries = try await stack.sql(
        "SELECT coalesce(sum(used), 0) FROM tollgate.grants WHERE account_kind = 'tenant' AND account_id = 'crowd'"
      )
      #expect(Int64(entries) == pooled)
    }

    /// What the books have of each operation of a user, by hold or by the key that the metadata tells.
    private func operations(of user: TestUser) async throws -> [Booked] {
      let rows = try await Stack.here.sql(
        """
        SELECT coalesce(hold_id, metadata::jsonb ->> 'key', operation_id),
          coalesce(sum(tokens) FILTER (WHERE kind IN ('spend', 'settle', 'correct', 'expire')), 0),
          string_agg(kind || ' ' || tokens, ', ' ORDER BY stream_ms, stream_seq)
        FROM tollgate.ledger WHERE user_id = '\(user.id)' AND side <> 't' GROUP BY 1
        """)
      return rows.split(separator: "\n").map { row in
        let fields = row.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        return Booked(operation: fields[0], tokens: Int64(fields[1]) ?? -1, entries: fields[2])
      }
    }

    private struct Booked {
      var operation: String
      var tokens: Int64
      var entries: String
    }

    /// Their time passes, and what the sweeper finds of them is booked: nothing is left in Redis or the mirror.
    private func expectNoHolds(_ users: [TestUser]) async throws {
      let stack = Stack.here
      try await eventually(within: .seconds(30), "no hold is open in the books") {
        for user in users { _ = try await stack.budget(user) }
        return try await stack.sql("SELECT count(*) FROM tollgate.holds WHERE state = 'open'") == "0"
      }
      let probe = try await stack.openRedis()
      #expect(try await probe.command("ZCARD", "tg:{0}:ht:crowd") == .integer(0))
      // The account's own field and no hold's.
      for user in users {
        #expect(try await probe.command("HLEN", "tg:{0}:u:\(user.id)") == .integer(1), "\(user.id)")
      }
      await probe.close()
    }
  }
}
