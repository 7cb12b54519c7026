import Gate
import Synchronization
import Testing

@testable import RedisStore

/// The engine of the data plane on a real Redis: what goes over the wire, and what it costs there.
@Suite(.timeLimit(.minutes(2))) struct EngineTests {
  private func rights(_ plan: Plan, tenantPlan: Plan? = nil, user: String = "u") -> ModelRights {
    var tenantPlan = tenantPlan
    tenantPlan?.name = "team"
    let catalog = Catalog(
      defaultFeature: "chat", plans: [plan, tenantPlan].compactMap(\.self),
      features: [Feature(name: "chat", defaultTokens: 1)])
    let principal = Principal(
      user: user, tenant: tenantPlan == nil ? nil : "t", userPlan: plan.name, tenantPlan: tenantPlan?.name,
      version: 1, tenantVersion: tenantPlan == nil ? 0 : 1)
    return ModelRights(principal: principal, entitlement: Entitlement(of: principal, catalog: catalog))
  }

  private func hold(_ number: UInt64, tenant: String? = nil) -> HoldID {
    HoldID(
      operation: OperationID(high: 0x3030_3030_3030_3030, low: 0x3030_3030_3030_3030 + number), user: "u",
      tenant: tenant)
  }

  private var limits: RateLimits {
    RateLimits(
      // Slow enough that nothing is refilled while a test runs.
      requests: WindowLimit(count: 1000, windowSeconds: 86_400),
      tokens: WindowLimit(count: 100_000, windowSeconds: 60),
      concurrent: 10, hourlyTokens: 50_000, dailyTokens: 100_000)
  }

  private func load(_ bed: EngineBed, tenant: Bool = false) async throws {
    bed.books.snapshots.withLock { snapshots in
      snapshots[.user("u")] = AccountSnapshot(account: .user("u"), tenant: tenant ? "t" : nil, version: 1)
      snapshots[.tenant("t")] = AccountSnapshot(account: .tenant("t"), version: 1)
    }
    _ = try await bed.loader.load(.user("u"), tenant: tenant ? "t" : nil)
    if tenant { _ = try await bed.loader.load(.tenant("t"), tenant: nil) }
  }

  @Test func missingThenLoadedThenOneCommand() async throws {
    let bed = try await EngineBed()
    let rights = rights(ScriptBench.plan(limits: limits))
    #expect(try await bed.check(rights, tokens: 1).0 == .userMissing)
    try await load(bed)
    #expect(try await bed.check(rights, tokens: 1).0 == .allowed)
    _ = try await bed.client.command(["CONFIG", "RESETSTAT"])
    let (verdict, numbers) = try await bed.check(rights, tokens: 10)
    #expect(verdict == .allowed && numbers.budget.remaining == 989 && numbers.requestsLeft == 998)
    let calls = try await bed.commandStats()
    #expect(calls == ["fcall": 1, "time": 1, "hget": 1, "hset": 1, "xadd": 1, "set": 1])
    try await bed.close()
  }

  @Test func functionsThatRedisForgotAreLoadedAgain() async throws {
    let bed = try await EngineBed()
    let rights = rights(ScriptBench.plan())
    try await load(bed)
    let held = hold(1)
    func forget() async throws { _ = try await bed.client.command(["FUNCTION", "FLUSH"]) }
    try await forget()
    let (verdict, numbers) = try await bed.check(rights, tokens: 10, hold: held)
    #expect(verdict == .allowed && numbers.budget.held == 10)
    try await forget()
    guard
      case .done(_, _, let extended, _, let expires) = try await bed.resolve(
        held, .extend(tokens: 20, ttlSeconds: 30, usedSoFar: nil))
    else {
      Issue.record("not extended")
      return
    }
    #expect(extended.held == 20 && expires != nil)
    try await forget()
    guard case .done(5, 20, let budget, _, nil) = try await bed.resolve(held, .settle(tokens: 5)) else {
      Issue.record("not settled")
      return
    }
    #expect(budget.used == 5 && budget.held == 0)
    try await forget()
    #expect(try await bed.check(rights, tokens: 5) { $0.afterTheFact = true }.1.budget.used == 10)
    try await forget()
    guard case .report(let report) = try await bed.report(rights) else {
      Issue.record("no report")
      return
    }
    #expect(report.budget.used == 10 && report.grants.map(\.remaining) == [990])
    #expect(try await bed.resolve(held, .settle(tokens: 6)) == .finalized(state: "settled", tokens: 5))
    #expect(try await bed.resolve(hold(9), .release) == .unknown)
    try await bed.close()
  }

  @Test func aPooledUsersHoldShowsThePool() async throws {
    let bed = try await EngineBed()
    let team = ScriptBench.plan(BudgetRule(tokens: 500, period: .month, draw: .pool))
    let rights = rights(ScriptBench.plan(), tenantPlan: team)
    try await load(bed, tenant: true)
    let held = hold(2, tenant: "t")
    #expect(try await bed.check(rights, tokens: 100, hold: held).1.budget.remaining == 400)
    guard case .done(_, _, let budget, _, _) = try await bed.resolve(held, .settle(tokens: 60)) else {
      Issue.record("not settled")
      return
    }
    #expect(budget.limit == 500 && budget.remaining == 440)
    #expect(try await bed.client.command(["GET", "chatbot-usage:u"]).integer == 440)
    try await bed.close()
  }

  @Test func holdsThatExpiredWhileRedisWasEmptyAreStillCharged() async throws {
    let bed = try await EngineBed()
    let rights = rights(ScriptBench.plan())
    let now = try await bed.on { $0.now() }
    let (start, end) = UTCCalendar().bounds(of: .month, timeZone: "UTC", at: now)
    let grant = Grant(
      reference: Grant.Reference(.calendar, start.milliseconds), kind: .period, tokens: 1000,
      periodStart: start,
      periodEnd: end, expiresAt: end, source: "calendar", createdAt: start)
    let expired = HoldRecord(
      id: hold(3).text, user: "u", feature: "chat", tokens: 100, expiresAt: now.advanced(seconds: -5),
      createdAt: now.advanced(seconds: -65),
      userAllocations: [Allocation(grant: grant.reference, tokens: 100)], userPeriodStart: start)
    bed.books.snapshots.withLock {
      $0[.user("u")] = AccountSnapshot(account: .user("u"), version: 1, grants: [grant], holds: [expired])
    }
    _ = try await bed.loader.load(.user("u"), tenant: nil)
    let (verdict, numbers) = try await bed.check(rights, tokens: 1)
    #expect(verdict == .allowed && numbers.budget.used == 101 && numbers.budget.held == 0)
    try await bed.close()
  }

  /// For docs/: commands inside Redis per script, and bytes per user.
  @Test func whatAQuestionCosts() async throws {
    let bed = try await EngineBed()
    let own = rights(ScriptBench.plan(limits: limits))
    let team = ScriptBench.plan(BudgetRule(tokens: 50_000, period: .month, draw: .both), limits: limits)
    let both = rights(ScriptBench.plan(), tenantPlan: team)
    var lines: [String] = []
    func measure(_ name: String, _ body: () async throws -> Void) async throws {
      _ = try await bed.client.command(["CONFIG", "RESETSTAT"])
      try await body()
      let calls = try await bed.commandStats().sorted { $0.key < $1.key }
      #expect(calls.first { $0.key == "fcall" }?.value == 1)
      let inner = calls.filter { $0.key != "fcall" }
      let sum = inner.reduce(0) { $0 + $1.value }
      lines.append("| \(name) | \(sum) | \(inner.map { "\($0.key) \($0.value)" }.joined(separator: ", ")) |")
    }
    try await load(bed)
    try await measure("spend, first of a period") { _ = try await bed.check(own, tokens: 1) }
    try await measure("spend") { _ = try await bed.check(own, tokens: 1) }
    try await measure("peek") { _ = try await bed.check(own, tokens: 1) { $0.mode = .peek } }
    try await measure("denied (budget)") { _ = try await bed.check(own, tokens: 40_000) }
    try await measure("spend, idempotent") {
      _ = try await bed.check(own, tokens: 1) { call in
        call.idempotencyKey = "k"
        call.fingerprint = "f"
      }
    }
    let memory = try await bytes(bed)
    try await measure("reserve") { _ = try await bed.check(own, tokens: 5, hold: hold(5)) }
    let held = try await bytes(bed)
    try await measure("extend") {
      _ = try await bed.resolve(hold(5), .extend(tokens: 6, ttlSeconds: 60, usedSoFar: nil))
    }
    try await measure("settle") { _ = try await bed.resolve(hold(5), .settle(tokens: 5)) }
    try await measure("usage") { _ = try await bed.check(own, tokens: 1) { $0.afterTheFact = true } }
    try await measure("report") { _ = try await bed.report(own) }
    _ = try await bed.client.command(["FLUSHALL"])
    try await load(bed, tenant: true)
    _ = try await bed.check(both, tokens: 1)
    try await measure("spend, user and pool") { _ = try await bed.check(both, tokens: 1) }
    let shared = hold(6, tenant: "t")
    try await measure("reserve, user and pool") { _ = try await bed.check(both, tokens: 5, hold: shared) }
    try await measure("settle, user and pool") { _ = try await bed.resolve(shared, .settle(tokens: 5)) }
    print("| question | calls in the script | which |\n|---|---|---|\n" + lines.joined(separator: "\n"))
    print("a user without holds: \(memory) bytes; with one hold: \(held) bytes")
    try await bed.close()
  }

  /// MEMORY USAGE of all keys of the user.
  private func bytes(_ bed: EngineBed) async throws -> String {
    let keyspace = Keyspace()
    let keys = [keyspace.account(.user("u"), bucket: 0), keyspace.readableRest(user: "u", bucket: 0)]
    var parts: [Int64] = []
    for key in keys {
      parts.append(try await bed.client.command(["MEMORY", "USAGE", .text(key)]).integer ?? 0)
    }
    return "\(parts.reduce(0, +)) (\(parts.map { "\($0)" }.joined(separator: " + ")))"
  }
}
