import Gate
import Testing

@testable import RedisStore
import Synchronization

/// The counters' side of a reconciliation, on a real Redis.
@Suite(.timeLimit(.minutes(2))) struct InspectionTests {
  private func rights(pooled: Bool = false) -> ModelRights {
    let plan = ScriptBench.plan()
    var team = ScriptBench.plan(BudgetRule(tokens: 1000, period: .month, draw: .both))
    team.name = "team"
    let catalog = Catalog(
      defaultFeature: "chat", plans: [plan, team], features: [Feature(name: "chat", defaultTokens: 1)])
    let principal =
      pooled
      ? Principal(
        user: "u", tenant: "t", userPlan: plan.name, tenantPlan: team.name, version: 1, tenantVersion: 1)
      : Principal(user: "u", userPlan: plan.name, version: 1)
    return ModelRights(principal: principal, entitlement: Entitlement(of: principal, catalog: catalog))
  }

  private func hold(_ number: UInt64, tenant: String? = nil) -> HoldID {
    HoldID(
      operation: OperationID(high: 0x3030_3030_3030_3030, low: 0x3030_3030_3030_3030 + number), user: "u",
      tenant: tenant)
  }

  private func inspector(_ bed: EngineBed) -> RedisInspector {
    RedisInspector(client: bed.client, keyspace: bed.counters.keyspace, epochs: bed.counters.epochs)
  }

  /// A user who has spent 30 and holds 10 and 20.
  private func spender(_ bed: EngineBed) async throws {
    bed.books.snapshots.withLock { $0[.user("u")] = AccountSnapshot(account: .user("u"), version: 1) }
    _ = try await bed.loader.load(.user("u"), tenant: nil)
    #expect(try await bed.check(rights(), tokens: 30).0 == .allowed)
    for number in [1, 2] as [UInt64] {
      #expect(try await bed.check(rights(), tokens: Int64(number) * 10, hold: hold(number)).0 == .allowed)
    }
  }

  @Test func anAccountIsToldAsItIs() async throws {
    let bed = try await EngineBed()
    let inspector = inspector(bed)
    let nobody = try await inspector.inspect(.user("u"), tenant: nil, holdsMax: 10)
    #expect(
      nobody.account == nil && nobody.newest == nil && nobody.holds.isEmpty && nobody.readableRest == nil)
    try await spender(bed)
    let dump = try await bed.client.command(["HGET", "tg:{0}:u:u", "s"])
    let view = try await inspector.inspect(.user("u"), tenant: nil, holdsMax: 10)
    let account = try #require(view.account)
    #expect(account.version == 1 && account.debt == 0 && account.openHolds == 2)
    let grant = try #require(account.grants.first)
    #expect(account.grants.count == 1 && grant.role == .calendar && grant.reference.series == .calendar)
    #expect(grant.used == 30 && grant.held == 30 && grant.tokens == 1000)
    #expect(view.readableRest == "940" && view.holdsCount == 2)
    #expect(view.holds.map(\.id).sorted() == [hold(1).text, hold(2).text].sorted())
    #expect(view.holds.map(\.tokens).sorted() == [10, 20])
    #expect(view.holds.allSatisfy { $0.userAllocations.map(\.grant) == [grant.reference] })
    #expect(view.holds.map(\.expiresAt).min() == account.nextExpiry)
    let last = try await bed.client.command(["XREVRANGE", "tg:{0}:usage", "+", "-", "COUNT", "1"])
    #expect(view.newest?.description == last.array?.first?.array?.first?.string)
    let few = try await inspector.inspect(.user("u"), tenant: nil, holdsMax: 1)
    #expect(few.holds.count == 1 && few.holdsCount == 2)
    // It was only looked at.
    #expect(try await bed.client.command(["HGET", "tg:{0}:u:u", "s"]) == dump)
    // The newest entry is known also when it is booked and gone.
    _ = try await bed.client.command(["XTRIM", "tg:{0}:usage", "MAXLEN", "0"])
    #expect(try await inspector.inspect(.user("u"), tenant: nil, holdsMax: 1).newest == view.newest)
    try await inspector.waitUntilBooked(try #require(view.newest), bucket: 0)
    try await bed.close()
  }

  @Test func aHoldsRecordHasBothItsSides() async throws {
    let bed = try await EngineBed()
    try await spender(bed)
    let record = try #require(try await inspector(bed).openHold(hold(2).text, of: "u", bucket: 0))
    #expect(record.tokens == 20 && record.user == "u" && record.tenant == nil && record.feature == "chat")
    #expect(record.userAllocations.map(\.tokens) == [20] && record.userPeriodStart != nil)
    #expect(record.tenantAllocations.isEmpty && record.tenantPeriodStart == nil)
    _ = try await bed.resolve(hold(2), .release)
    #expect(try await inspector(bed).openHold(hold(2).text, of: "u", bucket: 0) == nil)
    #expect(try await inspector(bed).openHold("rsv_none", of: "u", bucket: 0) == nil)
    try await bed.close()
  }

  @Test func evictionTakesWhatWasLookedAtAndNothingElse() async throws {
    let bed = try await EngineBed()
    let inspector = inspector(bed)
    try await spender(bed)
    var view = try await inspector.inspect(.user("u"), tenant: nil, holdsMax: 10)
    let seen = view.account
    view.account?.version = 2
    #expect(try await !inspector.evict(view, tenant: nil, unknownHolds: []))
    view.account = seen
    view.account?.epoch += 1
    #expect(try await !inspector.evict(view, tenant: nil, unknownHolds: []))
    view.account = seen
    _ = try await bed.client.command(["SET", "tg:{0}:lu:u", "a load that is under way"])
    // What is spent meanwhile doesn't make it another account.
    #expect(try await bed.check(rights(), tokens: 5).0 == .allowed)
    #expect(try await inspector.evict(view, tenant: nil, unknownHolds: [hold(2).text]))
    #expect(try await bed.client.command(["EXISTS", "tg:{0}:u:u", "tg:{0}:lu:u"]) == .integer(0))
    #expect(try await bed.check(rights(), tokens: 5).0 == .userMissing)
    try await bed.close()
  }

  @Test func aPoolsEvictionTakesItsUnknownHoldsFromTheirUsers() async throws {
    let bed = try await EngineBed()
    bed.books.snapshots.withLock { snapshots in
      snapshots[.user("u")] = AccountSnapshot(account: .user("u"), tenant: "t", version: 1)
      snapshots[.tenant("t")] = AccountSnapshot(account: .tenant("t"), version: 1)
    }
    _ = try await bed.loader.load(.user("u"), tenant: "t")
    _ = try await bed.loader.load(.tenant("t"), tenant: nil)
    let (kept, unknown) = (hold(1, tenant: "t"), hold(2, tenant: "t"))
    for hold in [kept, unknown] {
      #expect(try await bed.check(rights(pooled: true), tokens: 10, hold: hold).0 == .allowed)
    }
    let view = try await inspector(bed).inspect(.tenant("t"), tenant: nil, holdsMax: 10)
    #expect(view.holdsCount == 2 && Set(view.holds.map(\.id)) == [kept.text, unknown.text])
    #expect(view.holds.allSatisfy { $0.user == "u" && $0.tenant == "t" && !$0.tenantAllocations.isEmpty })
    #expect(try await inspector(bed).evict(view, tenant: nil, unknownHolds: [unknown.text]))
    #expect(try await bed.client.command(["EXISTS", "tg:{0}:t:t", "tg:{0}:ht:t"]) == .integer(0))
    for (hold, isThere) in [(kept, 1), (unknown, 0)] as [(HoldID, Int64)] {
      #expect(try await bed.client.command(["HEXISTS", "tg:{0}:u:u", .text(hold.text)]) == .integer(isThere))
    }
    try await bed.close()
  }

  @Test func theReadableRestIsWrittenAnew() async throws {
    let bed = try await EngineBed()
    try await spender(bed)
    _ = try await bed.client.command(["SET", "chatbot-usage:u", "7"])
    try await inspector(bed).publishRest(user: "u", tenant: nil)
    #expect(try await bed.client.command(["GET", "chatbot-usage:u"]).string == "940")
    try await inspector(bed).publishRest(user: "nobody", tenant: nil)
    #expect(try await bed.client.command(["EXISTS", "chatbot-usage:nobody"]) == .integer(0))
    try await bed.close()
  }
}
