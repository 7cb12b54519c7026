import Gate
import TestServers
import Testing

@testable import RedisStore

/// A Redis with the scripts under a clock that the test sets, for one question at a time.
final class ScriptBench {
  let server: RedisServer
  let bed: RedisBed
  let calls: ScriptCalls
  /// Milliseconds: noon of a day in the middle of a month.
  var now: Int64 = Instant.days(fromCivil: 2027, 5, 15) * 86_400_000 + 43_200_000
  private var operations = 0

  init() async throws {
    server = try await RedisServer.start()
    bed = try await RedisBed(server.url)
    let scripts = try TestScripts.withClock()
    try await bed.load(scripts.library)
    calls = ScriptCalls(scripts: scripts)
  }

  func close() async throws {
    try await bed.close()
    try await server.kill9()
  }

  static func plan(
    _ budget: BudgetRule = BudgetRule(tokens: 1000, period: .month), limits: RateLimits = RateLimits(),
    grace: Int64 = 3600
  ) -> Plan {
    Plan(
      name: "plan", rank: 1, features: ["chat"], budget: budget, limits: limits, pastDueGraceSeconds: grace)
  }

  /// The question of a user `u`, of tenant `t` where `tenantPlan` is given.
  func request(
    _ plan: Plan?, tenantPlan: Plan? = nil, user: String = "u", tokens: Int64 = 1, mode: CheckMode = .spend,
    subscription: SubscriptionState? = nil
  ) -> ModelRequest {
    var tenantPlan = tenantPlan
    tenantPlan?.name = "team"
    let catalog = Catalog(
      defaultFeature: "chat", plans: [plan, tenantPlan].compactMap(\.self),
      features: [WorldPlans.chat])
    let principal = Principal(
      user: user, tenant: tenantPlan == nil ? nil : "t", userPlan: plan?.name, tenantPlan: tenantPlan?.name,
      subscription: subscription, version: 1, tenantVersion: tenantPlan == nil ? 0 : 1)
    let entitlement = Entitlement(of: principal, catalog: catalog)
    func bounds(_ terms: BudgetTerms?) -> ModelBounds {
      WorldPlans.bounds(terms?.calendarPeriod ?? .none, at: now)
    }
    operations += 1
    return ModelRequest(
      rights: ModelRights(principal: principal, entitlement: entitlement),
      calendars: ModelCalendars(
        own: bounds(entitlement.own), pool: bounds(entitlement.pool), day: WorldPlans.bounds(.day, at: now)),
      epoch: 1, deadline: now + 100, tokens: tokens, mode: mode, ttl: 60_000,
      hold: mode == .reserve
        ? HoldID(
          operation: OperationID(high: 0x3030_3030_3030_3030, low: UInt64(bigEndian: digits(operations))),
          user: user, tenant: principal.tenant) : nil)
  }

  private func digits(_ number: Int) -> UInt64 {
    let text = String(10_000_000 + number)
    return text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Puts an account there, as a load does; in place of the one that is there, which a load never does.
  func put(_ snapshot: AccountSnapshot, epoch: Int64 = 1) async throws {
    try await setClock()
    try await bed.run(["DEL", .text(Keyspace().account(snapshot.account, bucket: 0))])
    let replies = try await bed.pipeline(calls.load(snapshot, epoch: epoch, now: now))
    try #require(replies.last == .integer(1))
  }

  func putAll(tenant: Bool = false) async throws {
    try await put(AccountSnapshot(account: .user("u"), tenant: tenant ? "t" : nil, version: 1))
    if tenant { try await put(AccountSnapshot(account: .tenant("t"), version: 1)) }
  }

  func setClock() async throws {
    try await bed.command("SET", .text(TestScripts.clockKey), .integer(now * 1000))
  }

  func answer(_ command: [RedisArgument]) async throws -> ModelAnswer {
    try await setClock()
    let reply = try await bed.run(command)
    return try #require(AnswerDecoding.decode(reply, now: now), "\(reply)")
  }

  func ask(_ request: ModelRequest) async throws -> ModelAnswer {
    operations += 1
    return try await answer(calls.request(request, operation: "operation\(operations)"))
  }

  func settle(_ hold: HoldID?, _ tokens: Int64?) async throws -> ModelAnswer {
    let hold = try #require(hold)
    return try await answer(calls.settle(hold, tokens: tokens, epoch: 1, deadline: now + 100))
  }

  func extend(_ hold: HoldID?, _ tokens: Int64?, ttl: Int64? = nil) async throws -> ModelAnswer {
    let hold = try #require(hold)
    operations += 1
    return try await answer(
      calls.extend(
        hold, tokens: tokens, ttl: ttl, epoch: 1, deadline: now + 100, operation: "op\(operations)"))
  }

  func apply(
    _ snapshot: AccountSnapshot, rolloverMax: Int64 = 0, carriesDebt: Bool = false, epoch: Int64 = 1
  ) async throws -> Int64? {
    try await setClock()
    return try await bed.run(
      calls.apply(snapshot, rolloverMax: rolloverMax, carriesDebt: carriesDebt, epoch: epoch)
    ).integer
  }

  func raw(_ account: AccountID = .user("u")) async throws -> [UInt8] {
    try await bed.command("HGET", .text(calls.keyspace.account(account, bucket: 0)), "s").bytes
  }

  func state(_ account: AccountID = .user("u")) async throws -> AccountState {
    try #require(AccountState(try await raw(account)))
  }

  /// All that a denial must leave alone: every key but the clock, dumped.
  func everything() async throws -> [String: RedisValue] {
    var all: [String: RedisValue] = [:]
    for key in try await bed.command("KEYS", "*").array ?? [] {
      guard let name = key.string, name != TestScripts.clockKey else { continue }
      all[name] = try await bed.command("DUMP", .text(name))
    }
    return all
  }

  func books() async throws -> TestBooks {
    var books = TestBooks()
    for entry in try await bed.command("XRANGE", .text(calls.keyspace.stream(bucket: 0)), "-", "+").array
      ?? []
    {
      guard let parts = entry.array, let id = parts[0].string.flatMap({ StreamID($0) }),
        let text = parts[1].array?.last?.string
      else { continue }
      books.add(text, id: id)
    }
    #expect(books.unreadable.isEmpty)
    return books
  }
}

extension Grant {
  /// A grant made in Postgres, for tests.
  static func made(
    _ number: Int64, _ tokens: Int64, kind: Grant.Kind = .topup, start: Int64? = nil, stop: Int64? = nil,
    expires: Int64? = nil, createdAt: Int64 = 0
  ) -> Grant {
    Grant(
      reference: Grant.Reference(.granted, number), kind: kind, tokens: tokens,
      periodStart: start.map { Instant(milliseconds: $0) }, periodEnd: stop.map { Instant(milliseconds: $0) },
      expiresAt: (expires ?? stop).map { Instant(milliseconds: $0) }, source: "test",
      createdAt: Instant(milliseconds: createdAt))
  }
}
