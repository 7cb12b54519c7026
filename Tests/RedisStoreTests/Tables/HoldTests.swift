import Gate
import Testing

@testable import RedisStore

/// The life of a hold, at its edges.
@Suite(.timeLimit(.minutes(5))) struct HoldTests {
  private func reserved(
    _ bench: ScriptBench, _ plan: Plan, tokens: Int64, releases: Bool = false
  ) async throws -> HoldID? {
    var request = bench.request(plan, tokens: tokens, mode: .reserve)
    request.releasesOnExpiry = releases
    let answer = try await bench.ask(request)
    #expect(answer.letter == "A" && answer.detail == bench.now + 60_000)
    return request.hold
  }

  @Test func settleIsAnsweredAgain() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100)
    let first = try await bench.settle(hold, 40)
    #expect(first.granted == 40 && first.detail == 100 && first.budget.remaining == 960)
    let before = try await bench.everything()
    bench.now += 5000
    #expect(try await bench.settle(hold, 40) == first)
    let other = try await bench.settle(hold, 41)
    #expect(other.letter == "F" && other.granted == 40 && other.state == "settled")
    #expect(try await bench.settle(hold, nil).letter == "F")
    #expect(try await bench.extend(hold, 50).letter == "F")
    #expect(try await bench.everything() == before)
    let unknown = HoldID(operation: OperationID(high: 1, low: 2), user: "u", tenant: nil)
    #expect(try await bench.settle(unknown, 1).letter == "U")
    #expect(try await bench.extend(unknown, 1).letter == "U")
    try await bench.close()
  }

  @Test func releaseGivesAllBack() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100)
    let answer = try await bench.settle(hold, nil)
    #expect(answer.budget.remaining == 1000 && answer.budget.held == 0)
    #expect(try await bench.settle(hold, nil) == answer)
    #expect(try await bench.settle(hold, 0).state == "released")
    let books = try await bench.books()
    #expect(books.tokens["u"] ?? 0 == 0)
    try await bench.close()
  }

  @Test func lateSettleCorrectsOnce() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100)
    bench.now += 60_000
    let late = try await bench.settle(hold, 30)
    #expect(late.letter == "A" && late.budget.used == 30)
    #expect(try await bench.settle(hold, 30) == late)
    #expect(try await bench.settle(hold, 31).letter == "F")
    let books = try await bench.books()
    #expect(books.tokens["u"] == 30)
    let ttl = try await bench.bed.command(
      "PTTL", .text(bench.calls.keyspace.hold(hold?.text ?? "", bucket: 0)))
    #expect((86_390_000...86_400_000).contains(ttl.integer ?? 0))
    try await bench.close()
  }

  /// A hold that was charged or released stays so, though the server's clock is set back.
  @Test(arguments: [false, true]) func aClockThatIsSetBackRevivesNoHold(releases: Bool) async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100, releases: releases)
    bench.now += 60_000
    #expect(try await bench.ask(bench.request(ScriptBench.plan(), mode: .peek)).budget.held == 0)
    bench.now -= 30_000
    let longer = try await bench.extend(hold, 200)
    #expect(longer.letter == "F" && longer.state == "expired" && longer.granted == (releases ? 0 : 100))
    let late = try await bench.settle(hold, 30)
    #expect(late.letter == "A" && late.budget.used == 30 && late.budget.held == 0)
    #expect(try await bench.books().tokens["u"] == 30)
    try await bench.close()
  }

  /// Another member's question has ended the pool's part of a hold; then the clock is set back, and the member's own
  /// part is still open.
  @Test func aClockThatIsSetBackSettlesEachPartAsItIs() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll(tenant: true)
    let other = AccountSnapshot(account: .user("v"), tenant: "t", version: 1)
    try await bench.put(other)
    let plan = ScriptBench.plan()
    let team = ScriptBench.plan(BudgetRule(tokens: 500, period: .month, draw: .both))
    let request = bench.request(plan, tenantPlan: team, tokens: 100, mode: .reserve)
    #expect(try await bench.ask(request).letter == "A")
    #expect(try await bench.state(.user("u")).grants.first?.held == 100)
    bench.now += 60_000
    #expect(try await bench.ask(bench.request(plan, tenantPlan: team, user: "v", mode: .peek)).letter == "A")
    #expect(try await bench.state(.tenant("t")).grants.first?.used == 100)
    bench.now -= 30_000
    let longer = try await bench.extend(request.hold, 200)
    #expect(longer.letter == "F" && longer.state == "expired")
    #expect(try await bench.settle(request.hold, 30).letter == "A")
    for account in [AccountID.user("u"), .tenant("t")] {
      let grant = try await bench.state(account).grants.first
      #expect(grant?.used == 30 && grant?.held == 0, "\(account)")
      #expect(try await bench.state(account).holds == 0, "\(account)")
      let books = try await bench.books()
      #expect(books.used.filter { $0.key.account == account }.values.reduce(0, +) == 30, "\(account)")
    }
    try await bench.close()
  }

  @Test func releasedThenSettledLateNeverTakesMoreThanIsLeft() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100, releases: true)
    bench.now += 60_000
    // What came back is spent by another request.
    #expect(try await bench.ask(bench.request(ScriptBench.plan(), tokens: 950)).letter == "A")
    let late = try await bench.settle(hold, 100)
    #expect(late.budget.remaining == 0 && late.budget.debt == 50 && late.budget.used == 1050)
    try await bench.close()
  }

  @Test func extendUpAndDown() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = try await reserved(bench, ScriptBench.plan(), tokens: 100)
    #expect(try await bench.extend(hold, 1000).budget.remaining == 0)
    let before = try await bench.everything()
    #expect(try await bench.extend(hold, 1001).letter == "B")
    #expect(try await bench.everything() == before)
    #expect(try await bench.extend(hold, 10, ttl: 5000).retry == bench.now + 5000)
    #expect(try await bench.state().nextExpiry == bench.now + 5000)
    var usage = bench.request(ScriptBench.plan(), tokens: 995)
    usage.afterTheFact = true
    #expect(try await bench.ask(usage).budget.debt == 5)
    // What it lets go pays the debt first.
    let less = try await bench.extend(hold, 3)
    #expect(less.budget.debt == 0 && less.budget.remaining == 2)
    #expect(try await bench.books().debt[.user("u")] == 0)
    bench.now += 5000
    #expect(
      try await bench.extend(hold, 3)
        == ModelAnswer(
          letter: "F", granted: 3, now: bench.now, state: "expired"))
    try await bench.close()
  }

  @Test func anOldPeriodsHoldNeverTouchesTheNew() async throws {
    let bench = try await ScriptBench()
    let day: Int64 = 86_400_000
    let start = bench.now - day
    var first = AccountSnapshot(
      account: .user("u"), version: 1,
      grants: [.made(1, 500, kind: .period, start: start, stop: bench.now + day), .made(2, 50)])
    try await bench.put(first)
    let subscription = SubscriptionState(stripeSubscriptionID: "s", status: "active")
    let plan = ScriptBench.plan(BudgetRule(tokens: 500, period: .subscription))
    func request(_ tokens: Int64) -> ModelRequest {
      var request = bench.request(plan, tokens: tokens, mode: .reserve, subscription: subscription)
      request.ttl = 3_600_000
      return request
    }
    var holds: [HoldID?] = []
    for tokens in [100, 100, 100, 250] as [Int64] {
      let request = request(tokens)
      #expect(try await bench.ask(request).letter == "A")
      holds.append(request.hold)
    }
    first.version = 2
    first.grants = [.made(2, 50), .made(3, 700, kind: .period, start: bench.now, stop: bench.now + 30 * day)]
    #expect(try await bench.apply(first) == 1)
    for version in [2, 1] as [Int64] {
      first.version = version
      #expect(try await bench.apply(first) == -1)
    }
    let before = try await bench.state()
    func fresh() async throws -> AccountState.GrantState? {
      try await bench.state().grants.first { $0.reference.number == 3 }
    }
    #expect(try await bench.settle(holds[0], 900).letter == "A")
    #expect(try await bench.settle(holds[1], nil).letter == "A")
    #expect(try await bench.extend(holds[2], 101).letter == "B")
    #expect(try await bench.extend(holds[2], 5).letter == "A")
    #expect(try await fresh() == before.grants.first { $0.reference.number == 3 })
    #expect(try await bench.state().debt == 0)
    // A top-up outlives the period: what was held of it is used, and nothing more.
    #expect(try await bench.settle(holds[3], 400).letter == "A")
    let after = try await bench.state()
    #expect(after.grants.first { $0.reference.number == 2 }?.used == 50)
    #expect(try await fresh()?.used == 0)
    let books = try await bench.books()
    #expect(books.used[TestBooks.Line(account: .user("u"), grant: Grant.Reference(.granted, 2))] == 50)
    #expect(books.tokens["u"] == 1300)
    try await bench.close()
  }

  @Test func manyExpiredHoldsTakeSeveralTurns() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let plan = ScriptBench.plan(BudgetRule(tokens: 10_000, period: .month))
    for _ in 0..<150 { _ = try await reserved(bench, plan, tokens: 10, releases: true) }
    bench.now += 60_000
    let peek = bench.request(plan, mode: .peek)
    var usage = bench.request(plan, tokens: 0)
    usage.afterTheFact = true
    #expect(try await bench.ask(peek).letter == "G")
    #expect(try await bench.state().holds == 86)
    #expect(try await bench.ask(usage).letter == "G")
    let answer = try await bench.ask(peek)
    #expect(answer.letter == "A" && answer.budget.remaining == 10_000 && answer.budget.held == 0)
    let state = try await bench.state()
    #expect(state.holds == 0 && state.nextExpiry == 0)
    try await bench.close()
  }

  @Test func aPoolsHoldShowsThePool() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll(tenant: true)
    let team = ScriptBench.plan(BudgetRule(tokens: 500, period: .month, draw: .pool))
    let request = bench.request(ScriptBench.plan(), tenantPlan: team, tokens: 100, mode: .reserve)
    #expect(try await bench.ask(request).budget.remaining == 400)
    #expect(try await bench.extend(request.hold, 200).budget.remaining == 300)
    #expect(try await bench.settle(request.hold, 50).budget.remaining == 450)
    #expect(try await bench.bed.command("GET", "chatbot-usage:u").string == "450")
    try await bench.close()
  }

  @Test func unspentRollsOverWhateverCameBetween() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let plan = ScriptBench.plan(BudgetRule(tokens: 1000, period: .day, rolloverMax: 300))
    #expect(try await bench.ask(bench.request(plan, tokens: 500)).letter == "A")
    _ = try await reserved(bench, plan, tokens: 500, releases: true)
    // Next day: the hold has expired in the old one. A refused question resolves it, and writes.
    bench.now += 86_400_000
    #expect(try await bench.ask(bench.request(plan, tokens: 5000)).letter == "B")
    let answer = try await bench.ask(bench.request(plan, tokens: 1))
    #expect(answer.budget.limit == 1300)
    try await bench.close()
  }
}
