import Gate
import Testing

@testable import RedisStore

/// Versions, leases, epochs, and what a merge and a load leave alone.
@Suite(.timeLimit(.minutes(5))) struct MergeTests {
  @Test func olderVersionsAndOtherEpochsChangeNothing() async throws {
    let bench = try await ScriptBench()
    var snapshot = AccountSnapshot(account: .user("u"), version: 5, grants: [.made(1, 100)])
    #expect(try await bench.apply(snapshot) == 0)
    try await bench.put(snapshot)
    let before = try await bench.everything()
    snapshot.grants = [.made(2, 999)]
    for version in [5, 4, 0] as [Int64] {
      snapshot.version = version
      #expect(try await bench.apply(snapshot) == -1)
    }
    snapshot.version = 6
    #expect(try await bench.apply(snapshot, epoch: 2) == 0)
    #expect(try await bench.everything() == before)
    #expect(try await bench.apply(snapshot, epoch: 1) == 1)
    #expect(try await bench.state().grants.map(\.tokens) == [999])
    try await bench.close()
  }

  @Test func whatIsUsedOrHeldStays() async throws {
    let bench = try await ScriptBench()
    var snapshot = AccountSnapshot(account: .user("u"), version: 1, grants: [.made(1, 100)])
    try await bench.put(snapshot)
    let plan = ScriptBench.plan(BudgetRule(tokens: 0, period: .none))
    #expect(try await bench.ask(bench.request(plan, tokens: 30)).letter == "A")
    let hold = bench.request(plan, tokens: 30, mode: .reserve)
    #expect(try await bench.ask(hold).letter == "A")
    snapshot.version = 2
    snapshot.grants = [.made(1, 10)]
    #expect(try await bench.apply(snapshot) == 1)
    #expect(try await bench.state().grants.map { [$0.tokens, $0.used, $0.held] }.contains([60, 30, 30]))
    // Revoked: gone from the budget, still named by the books.
    snapshot.version = 3
    snapshot.grants = []
    #expect(try await bench.apply(snapshot) == 1)
    #expect(try await bench.settle(hold.hold, 20).letter == "A")
    let line = TestBooks.Line(account: .user("u"), grant: Grant.Reference(.granted, 1))
    #expect(try await bench.books().used[line] == 50)
    // It comes back with what was used of it.
    snapshot.version = 4
    snapshot.grants = [.made(1, 100)]
    snapshot.grants[0].used = 50
    #expect(try await bench.apply(snapshot) == 1)
    #expect(try await bench.state().grants.map { [$0.tokens, $0.used, $0.held] }.contains([100, 50, 0]))
    try await bench.close()
  }

  @Test func aLoadNeedsItsLease() async throws {
    let bench = try await ScriptBench()
    try await bench.setClock()
    let snapshot = AccountSnapshot(account: .user("u"), version: 1, grants: [.made(1, 100)])
    let lease = bench.calls.keyspace.lease(.user("u"), bucket: 0)
    let commands = bench.calls.load(snapshot, epoch: 1, now: bench.now)
    // Without, with another's, and after a change has taken it away.
    #expect(try await bench.bed.run(commands[1]) == .integer(0))
    try await bench.bed.command("SET", .text(lease), "other")
    #expect(try await bench.bed.run(commands[1]) == .integer(0))
    try await bench.bed.command("DEL", .text(lease))
    #expect(try await bench.bed.run(commands[0]) == .status("OK"))
    var newer = snapshot
    newer.version = 2
    #expect(try await bench.apply(newer) == 0)
    #expect(try await bench.bed.run(commands[1]) == .integer(0))
    #expect(try await bench.raw().isEmpty)
    #expect(try await bench.bed.pipeline(commands).last == .integer(1))
    // Once: the lease is spent.
    let before = try await bench.everything()
    #expect(try await bench.bed.run(commands[1]) == .integer(0))
    #expect(try await bench.everything() == before)
    try await bench.close()
  }

  @Test func theFenceMakesOldRightsStale() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let keyspace = bench.calls.keyspace
    func fence(_ version: Int64) async throws -> RedisValue {
      try await bench.bed.run(
        ScriptCalls.call(
          bench.calls.scripts.fence,
          [keyspace.account(.user("u"), bucket: 0), keyspace.lease(.user("u"), bucket: 0)],
          [.integer(version)]))
    }
    #expect(try await fence(1) == .integer(-1))
    #expect(try await fence(2) == .integer(1))
    #expect(try await fence(2) == .integer(-1))
    #expect(try await bench.ask(bench.request(ScriptBench.plan())).letter == "S")
    #expect(try await bench.apply(AccountSnapshot(account: .user("u"), version: 2)) == 1)
    var request = bench.request(ScriptBench.plan())
    request.rights.principal.version = 2
    #expect(try await bench.ask(request).letter == "A")
    try await bench.close()
  }

  @Test func thirtyTwoGrants() async throws {
    let bench = try await ScriptBench()
    let grants = (1...32).map { Grant.made($0, 10, expires: bench.now + 1_000_000 + $0) } as [Grant]
    var snapshot = AccountSnapshot(account: .user("u"), version: 1, grants: grants)
    try await bench.put(snapshot)
    snapshot.version = 2
    snapshot.grants.append(.made(33, 10))
    #expect(try await bench.apply(snapshot) == 1)
    #expect(try await bench.state().grants.count == 32)
    let plan = ScriptBench.plan(BudgetRule(tokens: 5, period: .none))
    var request = bench.request(plan, tokens: 321)
    request.rights.principal.version = 2
    let answer = try await bench.ask(request)
    #expect(answer.letter == "A" && answer.budget.remaining == 4)
    let books = try await bench.books()
    #expect(books.used.values.reduce(0, +) == 321)
    #expect(books.used.count == 33)
    try await bench.close()
  }

  @Test func oneRecordOfAHoldThatTwoAccountsAreLoadedFor() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll(tenant: true)
    // Two calendars: the record must keep the period of each side.
    let plan = ScriptBench.plan(BudgetRule(tokens: 1000, period: .day))
    let team = ScriptBench.plan(BudgetRule(tokens: 1000, period: .month, draw: .both))
    let request = bench.request(plan, tenantPlan: team, tokens: 100, mode: .reserve)
    #expect(try await bench.ask(request).letter == "A")
    let books = try await bench.books()
    for order in [["u", "t"], ["t", "u"]] {
      try await bench.bed.command("FLUSHDB")
      for name in order {
        let id: AccountID = name == "u" ? .user("u") : .tenant("t")
        try await bench.put(
          books.snapshot(
            of: id, tenant: name == "u" ? "t" : nil, version: 1, granted: [], hourUsed: 0, now: bench.now))
      }
      #expect(try await bench.settle(request.hold, 150).budget.used == 150)
      for account in [AccountID.user("u"), .tenant("t")] {
        let state = try await bench.state(account)
        #expect(state.holds == 0 && state.nextExpiry == 0)
        #expect(state.grants.map(\.used) == [150])
      }
      let (own, pool) = (AccountID.user("u"), bench.calls.keyspace.poolHolds("t", bucket: 0))
      let key = bench.calls.keyspace.account(own, bucket: 0)
      #expect(try await bench.bed.command("EXISTS", .text(pool)) == .integer(0))
      #expect(try await bench.bed.command("HLEN", .text(key)) == .integer(1))
    }
    try await bench.close()
  }

  @Test func theEpochNeverFalls() async throws {
    let bench = try await ScriptBench()
    func set(_ epoch: Int64, _ run: String) async throws -> RedisValue {
      try await bench.bed.run(
        ScriptCalls.call(bench.calls.scripts.epoch, ["e"], [.integer(epoch), .text(run)]))
    }
    #expect(try await set(3, "a") == .integer(3))
    #expect(try await set(2, "b") == .integer(3))
    #expect(try await bench.bed.command("GET", "e").string == "3:b")
    #expect(try await set(4, "c") == .integer(4))
    try await bench.close()
  }
}
