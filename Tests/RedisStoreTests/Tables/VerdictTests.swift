import Gate
import Testing

@testable import RedisStore

/// Every letter that a check may answer, which of two reasons is named, and that a denial leaves no trace.
@Suite(.timeLimit(.minutes(5))) struct VerdictTests {
  /// Asks for what is denied, and proves that nothing changed, to the byte.
  private func expectDenial(
    _ bench: ScriptBench, _ request: ModelRequest, _ letter: Character, detail: Int64? = nil,
    retry: Int64? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try await bench.everything()
    let answer = try await bench.ask(request)
    #expect(answer.letter == letter, sourceLocation: sourceLocation)
    if let detail { #expect(answer.detail == detail, sourceLocation: sourceLocation) }
    if let retry { #expect(answer.retry == retry, sourceLocation: sourceLocation) }
    #expect(try await bench.everything() == before, sourceLocation: sourceLocation)
  }

  @Test func absentStaleAndLate() async throws {
    let bench = try await ScriptBench()
    let plan = ScriptBench.plan()
    try await expectDenial(bench, bench.request(plan), "M")
    try await bench.putAll()
    var request = bench.request(plan)
    request.epoch = 2
    try await expectDenial(bench, request, "M")
    request = bench.request(plan)
    request.rights.principal.version = 2
    try await expectDenial(bench, request, "S", detail: 1)
    request = bench.request(plan)
    request.deadline = bench.now - 1
    try await expectDenial(bench, request, "L")
    // An account that isn't there is MISSING whatever else is wrong; a late question is nothing but late.
    request.rights.principal.version = 2
    try await expectDenial(bench, request, "L")
    request = bench.request(plan)
    request.rights.verify = true
    try await expectDenial(bench, request, "V")

    let team = ScriptBench.plan(BudgetRule(tokens: 100, period: .month, draw: .both))
    try await expectDenial(bench, bench.request(plan, tenantPlan: team), "Q")
    try await bench.putAll(tenant: true)
    request = bench.request(plan, tenantPlan: team)
    request.rights.principal.tenantVersion = 5
    try await expectDenial(bench, request, "U", detail: 1)
    request.rights.principal.version = 5
    try await expectDenial(bench, request, "S", detail: 1)
    try await bench.close()
  }

  @Test func lockedOutAndCalendarOff() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    try await expectDenial(bench, bench.request(nil), "K")
    let pastDue = SubscriptionState(
      stripeSubscriptionID: "s", status: "past_due",
      pastDueSince: Instant(milliseconds: bench.now - 3_600_000))
    try await expectDenial(bench, bench.request(ScriptBench.plan(), subscription: pastDue), "K")
    // A millisecond before the grace is over.
    bench.now -= 1
    #expect(try await bench.ask(bench.request(ScriptBench.plan(), subscription: pastDue)).letter == "A")
    var request = bench.request(ScriptBench.plan())
    request.calendars.own = ModelBounds(start: bench.now + 1, stop: bench.now + 2)
    try await expectDenial(bench, request, "W")
    request.calendars.own = ModelBounds(start: 0, stop: bench.now)
    try await expectDenial(bench, request, "W")
    request = bench.request(ScriptBench.plan())
    request.calendars.day.stop = bench.now
    try await expectDenial(bench, request, "W")
    // Locked out comes before the calendar.
    request.rights = bench.request(nil).rights
    try await expectDenial(bench, request, "K")
    try await bench.close()
  }

  @Test func ratesAndCapsInTheirOrder() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    var limits = RateLimits(
      requests: WindowLimit(count: 1, windowSeconds: 60), tokens: WindowLimit(count: 60, windowSeconds: 60),
      concurrent: 0, hourlyTokens: 60, dailyTokens: 60)
    func request(_ tokens: Int64, _ mode: CheckMode = .spend) -> ModelRequest {
      bench.request(
        ScriptBench.plan(BudgetRule(tokens: 60, period: .day), limits: limits), tokens: tokens, mode: mode)
    }
    let first = try await bench.ask(request(60))
    #expect(first.letter == "A" && first.requestsLeft == 0 && first.budget.remaining == 0)
    // All of them are exceeded now; each is named once those before it are gone.
    try await expectDenial(bench, request(1, .reserve), "R", retry: 60_000)
    limits.requests = nil
    try await expectDenial(bench, request(1, .reserve), "T", retry: 1000)
    limits.tokens = nil
    try await expectDenial(bench, request(1, .reserve), "H", retry: 3_600_000)
    limits.hourlyTokens = nil
    try await expectDenial(bench, request(1, .reserve), "Y", retry: 43_200_000)
    limits.dailyTokens = nil
    try await expectDenial(bench, request(1, .reserve), "N", detail: 0)
    limits.concurrent = nil
    try await expectDenial(bench, request(1, .reserve), "B", detail: 0)
    var partial = request(5)
    partial.partial = true
    try await expectDenial(bench, partial, "B", detail: 0)
    try await expectDenial(bench, request(0, .peek), "A")
    try await bench.close()
  }

  @Test func shadowLimitsOnlyRecord() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let limits = RateLimits(
      requests: WindowLimit(count: 1, windowSeconds: 60), tokens: WindowLimit(count: 1, windowSeconds: 60),
      concurrent: 0, hourlyTokens: 1, dailyTokens: 1,
      shadow: ["requests", "tokens", "concurrent", "hourly_tokens", "daily_tokens"])
    for _ in 0..<3 {
      let plan = ScriptBench.plan(limits: limits)
      #expect(try await bench.ask(bench.request(plan, tokens: 50, mode: .reserve)).letter == "A")
    }
    try await bench.close()
  }

  @Test func bothBudgetsOrNone() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll(tenant: true)
    let plan = ScriptBench.plan(BudgetRule(tokens: 100, period: .month))
    let team = ScriptBench.plan(BudgetRule(tokens: 50, period: .month, draw: .both))
    try await expectDenial(bench, bench.request(plan, tenantPlan: team, tokens: 51), "P", detail: 50)
    try await expectDenial(bench, bench.request(plan, tenantPlan: team, tokens: 101), "B", detail: 100)
    let answer = try await bench.ask(bench.request(plan, tenantPlan: team, tokens: 50))
    #expect(answer.letter == "A" && answer.budget.remaining == 50)
    var partial = bench.request(plan, tenantPlan: team, tokens: 10)
    partial.partial = true
    try await expectDenial(bench, partial, "P", detail: 0)
    #expect(try await bench.state(.tenant("t")).grants.first?.used == 50)
    try await bench.close()
  }

  @Test func idempotency() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    var request = bench.request(ScriptBench.plan(), tokens: 10, mode: .reserve)
    request.idempotencyKey = "k"
    request.fingerprint = "f"
    var first = try await bench.ask(request)
    #expect(first.letter == "A")
    let hold = request.hold
    request.hold = bench.request(ScriptBench.plan(), mode: .reserve).hold
    bench.now += 1000
    request.deadline += 1000
    let before = try await bench.everything()
    let second = try await bench.ask(request)
    #expect(second.hold == hold?.text)
    first.letter = "I"
    first.hold = second.hold
    #expect(second == first)
    #expect(try await bench.everything() == before)
    request.fingerprint = "g"
    try await expectDenial(bench, request, "C")
    // A denial isn't kept: the same key may be tried again.
    request = bench.request(ScriptBench.plan(), tokens: 5000)
    request.idempotencyKey = "k2"
    try await expectDenial(bench, request, "B")
    try await bench.close()
  }

  @Test func partialTakesWhatIsThere() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    var request = bench.request(ScriptBench.plan(BudgetRule(tokens: 70, period: .month)), tokens: 100)
    request.partial = true
    let answer = try await bench.ask(request)
    #expect(answer.letter == "A" && answer.granted == 70 && answer.budget.remaining == 0)
    #expect(try await bench.bed.command("GET", "chatbot-usage:u").string == "0")
    try await bench.close()
  }

  @Test func largestAmountsAreExact() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let plan = ScriptBench.plan(BudgetRule(tokens: nil, period: .month))
    let most = Limits.tokensMax
    let reserve = bench.request(plan, tokens: most - 2, mode: .reserve)
    #expect(try await bench.ask(reserve).budget.remaining == 2)
    #expect(try await bench.bed.command("GET", "chatbot-usage:u").string == "2")
    #expect(try await bench.settle(reserve.hold, most - 4).budget.used == most - 4)
    #expect(
      try await bench.settle(reserve.hold, 1)
        == ModelAnswer(
          letter: "F", granted: most - 4, now: bench.now, state: "settled"))
    var usage = bench.request(plan, tokens: most)
    usage.afterTheFact = true
    let after = try await bench.ask(usage)
    #expect(after.budget.used == 2 * most - 4 && after.budget.debt == most - 4)
    #expect(try await bench.books().tokens["u"] == 2 * most - 4)

    let expiring = bench.request(
      ScriptBench.plan(BudgetRule(tokens: nil, period: .none)), user: "v", tokens: 123_456_789_012_345,
      mode: .reserve)
    try await bench.put(AccountSnapshot(account: .user("v"), version: 1))
    #expect(try await bench.ask(expiring).letter == "A")
    bench.now += 60_000
    #expect(
      try await bench.extend(expiring.hold, 5)
        == ModelAnswer(
          letter: "F", granted: 123_456_789_012_345, now: bench.now, state: "expired"))
    try await bench.close()
  }
}
