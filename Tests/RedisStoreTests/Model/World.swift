import Gate

@testable import RedisStore

/// One operation: what is sent, and what the model says comes of it.
struct WorldStep {
  enum Expectation {
    case answer(ModelAnswer)
    case report(ModelAnswer)
    case number(Int64)
  }
  var text: String
  var question: [RedisArgument]
  /// Sent before the question: the clock, and records whose time has passed.
  var preparation: [[RedisArgument]]
  var expected: Expectation
  var touched: [(id: AccountID, state: AccountState)]
  var readable: (user: String, value: Int64?)
  var now: Int64
}

/// Users, tenants, plans, a clock, and random operations on them. Every step is worked out by the model
/// alone, so that steps can be sent in batches.
struct World {
  /// How time goes: in bursts, in minutes, in days.
  enum Tempo: CaseIterable { case bursts, minutes, days }

  let calls: ScriptCalls
  let tempo: Tempo
  var random: SeededRandom
  var model: ModelGate
  var owners: [AccountID: WorldOwner] = [:]
  let users: [String]
  var numbers: Int64 = 0
  var recentHolds: [HoldID] = []
  var recentKeys: [(key: String, request: ModelRequest)] = []
  var clockIsSet = false
  /// A user who is asking much at once, and how often still.
  var storm: (user: String, left: Int) = ("", 0)

  init(seed: UInt64, tempo: Tempo, calls: ScriptCalls, users count: Int = 12) {
    self.calls = calls
    self.tempo = tempo
    random = SeededRandom(seed)
    let start = Instant.days(fromCivil: 2027, 3, 30) * 86_400_000_000 - ModelGate.base
    model = ModelGate(clock: start + random.number(0...1_000_000_000))
    users = (0..<count).map { "u\($0)" }
    for tenant in ["t0", "t1"] {
      owners[.tenant(tenant)] = WorldOwner(
        id: .tenant(tenant), plan: random.pick(WorldPlans.tenantPlans), seats: random.number(1...3))
    }
    for (index, user) in users.enumerated() {
      let tenant = index % 3 == 0 ? "t\(index / 3 % 2)" : nil
      owners[.user(user)] = WorldOwner(
        id: .user(user), tenant: tenant, plan: random.pick(WorldPlans.userPlans))
    }
    for id in owners.keys { model.accounts[id] = ModelAccount(version: 1) }
  }

  // MARK: What is asked

  mutating func operation() -> String {
    numbers += 1
    return "operation\(10_000_000 + numbers)".suffix(16).description
  }

  func principal(_ user: String) -> Principal {
    guard let owner = owners[.user(user)] else { preconditionFailure("no such user") }
    let tenant = owner.tenant.flatMap { owners[.tenant($0)] }
    return Principal(
      user: user, tenant: owner.tenant, userPlan: owner.plan, tenantPlan: tenant?.plan,
      seats: tenant?.seats ?? 1,
      subscription: tenant?.subscription ?? owner.subscription, version: owner.version,
      tenantVersion: tenant?.version ?? 0)
  }

  mutating func rights(_ user: String) -> ModelRights {
    var principal = principal(user)
    if random.chance(8) { principal.version += random.pick([-1, 1]) }
    if principal.tenant != nil, random.chance(8) { principal.tenantVersion += 1 }
    return ModelRights(
      principal: principal, entitlement: Entitlement(of: principal, catalog: WorldPlans.catalog),
      verify: random.chance(5),
      feature: random.pick([
        WorldPlans.chat, WorldPlans.chat, WorldPlans.chat, WorldPlans.deep, WorldPlans.guess,
      ]))
  }

  mutating func calendars(_ rights: ModelRights) -> ModelCalendars {
    // A gate's clock may still be in the day before.
    let at = random.chance(6) ? model.now - random.number(0...90_000_000) : model.now
    func bounds(_ terms: BudgetTerms?) -> ModelBounds {
      WorldPlans.bounds(terms?.calendarPeriod ?? .none, at: at)
    }
    return ModelCalendars(
      own: bounds(rights.entitlement.own), pool: bounds(rights.entitlement.pool),
      day: WorldPlans.bounds(.day, at: at))
  }

  mutating func request(_ user: String) -> ModelRequest {
    let rights = rights(user)
    return ModelRequest(
      rights: rights, calendars: calendars(rights), epoch: epoch(), deadline: deadline(), tokens: amount(user)
    )
  }

  mutating func epoch() -> Int64 { random.chance(4) ? model.epoch + 1 : model.epoch }
  mutating func deadline() -> Int64 { model.now + (random.chance(6) ? -1 : random.number(0...150)) }

  /// Amounts around the edges of what is left.
  mutating func amount(_ user: String) -> Int64 {
    min(max(0, anyAmount(user)), Limits.tokensMax)
  }

  private mutating func anyAmount(_ user: String) -> Int64 {
    let left = model.account(.user(user), epoch: model.epoch)?.remaining ?? 0
    switch random.number(0...20) {
    case 0...1: return 0
    case 2...10: return random.number(1...300)
    case 11...14: return random.number(1...3000)
    case 15: return left
    case 16: return left + 1
    case 17: return max(0, left - 1)
    case 18: return left / 2
    case 19: return random.number(1...30_000)
    default: return random.chance(100) ? Limits.tokensMax : 1
    }
  }

  // MARK: Time

  mutating func pass() {
    if storm.left > 0, random.chance(900) { return }
    let second: Int64 = 1_000_000
    var step: Int64 = 0
    switch tempo {
    case .bursts: step = random.chance(700) ? 0 : random.number(0...2 * second)
    case .minutes: step = random.chance(500) ? random.number(0...second) : random.number(0...180 * second)
    case .days: step = random.chance(600) ? random.number(0...second) : random.number(0...7200 * second)
    }
    if random.chance(6) { step = random.number(0...60 * 3600) * second }
    if random.chance(1), random.chance(200) { step = random.number(1...40) * 86_400 * second }
    if random.chance(15) { step = boundary() ?? step }
    model.clock += step
    if step > 0 { clockIsSet = false }
  }

  /// The way to a moment at which something ends, or to just before it.
  private mutating func boundary() -> Int64? {
    let now = model.now
    var moments = [
      now - now % 3_600_000 + 3_600_000, WorldPlans.bounds(.day, at: now).stop,
      WorldPlans.bounds(.month, at: now).stop,
    ]
    let account = model.accounts[.user(random.pick(users))]
    moments += account?.grants.map(\.expires).filter { $0 > now } ?? []
    moments += account?.open.map(\.expires).filter { $0 > now } ?? []
    let moment = random.pick(moments) - (random.chance(300) ? 1 : 0)
    let step = moment * 1000 - ModelGate.base - model.clock
    return step > 0 && step < 40 * 86_400_000_000 ? step : nil
  }

  func clockCommand() -> [RedisArgument] {
    ["SET", .text(TestScripts.clockKey), .text(String(model.clock + ModelGate.base))]
  }

  /// The accounts of a step as they are after it.
  func touched(_ user: String, _ tenant: String?) -> [(id: AccountID, state: AccountState)] {
    ([.user(user)] + (tenant.map { [.tenant($0)] } ?? [])).compactMap { (id: AccountID) in
      model.account(id, epoch: model.epoch).map { (id, AccountState($0, of: id, epoch: model.epoch)) }
    }
  }
}
