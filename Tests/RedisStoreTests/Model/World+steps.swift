import Gate

@testable import RedisStore

extension World {
  /// The next random operation.
  mutating func step() -> WorldStep {
    pass()
    var preparation: [[RedisArgument]] = []
    var user = random.pick(random.chance(500) ? Array(users.prefix(4)) : users)
    if random.chance(4) { storm = (user, Int(random.number(10...250))) }
    if storm.left > 0 {
      storm.left -= 1
      user = storm.user
    }
    let kind = random.number(0...(storm.left > 0 ? 600 : 999))
    var step: WorldStep
    switch kind {
    case 0..<560: step = check(user)
    case 560..<630: step = usage(user)
    case 630..<770 where !recentHolds.isEmpty: step = settle(&preparation)
    case 770..<850 where !recentHolds.isEmpty: step = extend(&preparation)
    case 850..<900: step = report(user)
    case 900..<960: step = change(user)
    default: step = tell(random.chance(300) ? .tenant(random.pick(["t0", "t1"])) : .user(user))
    }
    if !clockIsSet { preparation.insert(clockCommand(), at: 0) }
    clockIsSet = true
    step.preparation = preparation + step.preparation
    return step
  }

  private func finished(
    _ text: String, _ question: [RedisArgument], _ expected: WorldStep.Expectation, user: String,
    tenant: String?,
    preparation: [[RedisArgument]] = []
  ) -> WorldStep {
    WorldStep(
      text: text, question: question, preparation: preparation, expected: expected,
      touched: touched(user, tenant), readable: (user, model.readable[user]), now: model.now)
  }

  private mutating func check(_ user: String) -> WorldStep {
    var request = request(user)
    request.partial = random.chance(150)
    request.mode = random.pick([.spend, .spend, .reserve, .reserve, .reserve, .peek])
    if storm.left > 0 {
      request.tokens = min(request.tokens, 20)
      if random.chance(700) { request.mode = .reserve }
    }
    request.explains = random.chance(100)
    if request.rights.feature.defaultIsP95 {
      request.takesEstimate = random.chance(500)
      request.paysEstimateAtLeast = !request.takesEstimate && random.chance(300)
    }
    if request.mode == .reserve {
      request.ttl = random.pick([1000, 5000, 120_000, 600_000, 3_600_000, 86_400_000])
      request.releasesOnExpiry = random.chance(400)
      request.hold = freshHold(request.rights.principal)
    }
    var preparation: [[RedisArgument]] = []
    if random.chance(120) { identify(&request, &preparation) }
    return ask(request, preparation)
  }

  private mutating func freshHold(_ principal: Principal) -> HoldID {
    HoldID(
      operation: OperationID.make(using: &random), user: principal.user, tenant: principal.tenant)
  }

  private mutating func usage(_ user: String) -> WorldStep {
    var request = request(user)
    request.afterTheFact = true
    if random.chance(200) { request.occurredAt = model.now - 5000 }
    if request.tokens > 1_000_000 { request.tokens = 1_000_000 }
    var preparation: [[RedisArgument]] = []
    if random.chance(200) { identify(&request, &preparation) }
    return ask(request, preparation)
  }

  /// Gives the request an idempotency key: mostly a fresh one, sometimes one that was used before.
  private mutating func identify(_ request: inout ModelRequest, _ preparation: inout [[RedisArgument]]) {
    if let known = recentKeys.randomElement(using: &random), random.chance(600) {
      let fingerprint = random.chance(200) ? "other" : known.request.fingerprint
      let (rights, calendars, epoch, deadline) = (
        request.rights, request.calendars, request.epoch, request.deadline
      )
      request = known.request
      if rights.principal.user == known.request.rights.principal.user {
        (request.rights, request.calendars) = (rights, calendars)
      } else {
        request.rights = self.rights(known.request.rights.principal.user)
        request.calendars = self.calendars(request.rights)
      }
      (request.epoch, request.deadline, request.fingerprint) = (epoch, deadline, fingerprint)
      if request.mode == .reserve { request.hold = freshHold(request.rights.principal) }
    } else {
      request.idempotencyKey = operation()
      request.fingerprint = "f\(numbers)"
      recentKeys.append((request.idempotencyKey ?? "", request))
      if recentKeys.count > 12 { recentKeys.removeFirst() }
    }
    let user = request.rights.principal.user
    if let key = request.idempotencyKey, let known = model.remembered[key], known.until <= model.now {
      model.remembered[key] = nil
      preparation.append(["DEL", .text(calls.keyspace.idempotency(user: user, digest: key, bucket: 0))])
    }
  }

  private mutating func ask(_ request: ModelRequest, _ preparation: [[RedisArgument]]) -> WorldStep {
    let principal = request.rights.principal
    let question = calls.request(
      request, operation: operation(), metadata: random.chance(50) ? "{\"a\":1}" : "")
    let answer = model.check(request)
    if answer.letter == "A", request.mode == .reserve, let hold = request.hold {
      recentHolds.append(hold)
      if recentHolds.count > 150 { recentHolds.removeFirst() }
    }
    let name = request.afterTheFact ? "usage" : request.mode.rawValue
    return finished(
      "\(name) \(principal.user) \(request.tokens)\(request.partial ? " partial" : "") "
        + "\(request.feature) plan \(request.rights.entitlement.plan?.name ?? "-") key \(request.idempotencyKey ?? "-") "
        + "hold \(request.hold?.text ?? "-") ttl \(request.ttl)", question, .answer(answer),
      user: principal.user,
      tenant: principal.tenant, preparation: preparation)
  }

  // MARK: Holds

  private mutating func pickHold(_ preparation: inout [[RedisArgument]]) -> HoldID {
    var id = random.pick(recentHolds.suffix(12))
    for _ in 0..<8 where (model.holds[id.text]?.rememberedUntil ?? 0) <= model.now && random.chance(950) {
      id = random.pick(recentHolds.suffix(40))
    }
    if let hold = model.holds[id.text], hold.rememberedUntil <= model.now {
      preparation.append(["DEL", .text(calls.keyspace.hold(id.text, bucket: 0))])
    }
    return id
  }

  private mutating func settle(_ preparation: inout [[RedisArgument]]) -> WorldStep {
    let id = pickHold(&preparation)
    let amount = model.holds[id.text]?.amount ?? 10
    let choices: [Int64?] = [nil, 0, amount, amount, amount / 2, amount + random.number(1...500), 700]
    var tokens = random.pick(choices)
    if let hold = model.holds[id.text], hold.state != .open, random.chance(500) {
      tokens = hold.state == .released ? nil : hold.settled
    }
    if let wanted = tokens, wanted > 1_000_000 { tokens = 1_000_000 }
    let (epoch, deadline) = (epoch(), deadline())
    let question = calls.settle(id, tokens: tokens, epoch: epoch, deadline: deadline, outcome: "completed")
    let answer = model.settle(id, tokens: tokens, epoch: epoch, deadline: deadline)
    return finished(
      "settle \(id.text) \(tokens.map { "\($0)" } ?? "release")", question, .answer(answer), user: id.user,
      tenant: id.tenant)
  }

  private mutating func extend(_ preparation: inout [[RedisArgument]]) -> WorldStep {
    let id = pickHold(&preparation)
    let amount = model.holds[id.text]?.amount ?? 10
    let left = model.account(.user(id.user), epoch: model.epoch)?.remaining ?? 0
    let total = random.pick([
      nil, amount, amount / 2, 0, amount + 1, amount + random.number(1...1000), amount + left,
      amount + left + 1,
    ])
    let tokens = total.map { min(max($0, 0), Limits.tokensMax) }
    let ttl: Int64? = random.chance(300) ? nil : random.pick([500, 60_000, 3_600_000])
    let usedSoFar: Int64? =
      random.chance(600) ? nil : min(random.pick([0, 1, amount / 2, amount, amount + 1]), Limits.tokensMax)
    let (epoch, deadline) = (epoch(), deadline())
    let question = calls.extend(
      id, tokens: tokens, ttl: ttl, usedSoFar: usedSoFar, epoch: epoch, deadline: deadline,
      operation: operation())
    let answer = model.extend(
      id, tokens: tokens, ttl: ttl, usedSoFar: usedSoFar, epoch: epoch, deadline: deadline)
    return finished(
      "extend \(id.text) \(tokens ?? -1) \(ttl ?? -1) so far \(usedSoFar ?? -1)", question, .answer(answer),
      user: id.user,
      tenant: id.tenant)
  }

  // MARK: Postgres

  /// Something changes in Postgres, and mostly Redis is told at once.
  private mutating func change(_ user: String) -> WorldStep {
    let id: AccountID = random.chance(250) ? .tenant(random.pick(["t0", "t1"])) : .user(user)
    numbers += 1
    guard var owner = owners[id] else { preconditionFailure("no such account") }
    owner.change(&random, now: model.now, number: numbers)
    owners[id] = owner
    return random.chance(980) ? tell(id) : report(user)
  }

  private mutating func tell(_ id: AccountID) -> WorldStep {
    guard let owner = owners[id] else { preconditionFailure("no such account") }
    let plan = owner.plan.flatMap { WorldPlans.catalog.plans[$0] }
    let rolloverMax = plan?.budget.rolloverMax ?? 0
    let carries = plan?.budget.debt == .carry
    let version = random.chance(50) ? owner.version - 1 : owner.version
    let epoch = epoch()
    let granted = owner.live(at: model.now)
    let snapshot = AccountSnapshot(
      account: id, tenant: owner.tenant, version: version, grants: booked(granted, id), holds: open(id))
    let question = calls.apply(snapshot, rolloverMax: rolloverMax, carriesDebt: carries, epoch: epoch)
    let result = model.apply(
      id, version: version, grants: granted, rolloverMax: rolloverMax, carriesDebt: carries, epoch: epoch)
    let touched =
      model.account(id, epoch: model.epoch).map { [(id, AccountState($0, of: id, epoch: model.epoch))] } ?? []
    return WorldStep(
      text: "apply \(id) v\(version) \(plan?.name ?? "-") \(granted.map { "\($0.reference) \($0.kind)" })",
      question: question, preparation: [], expected: .number(result), touched: touched,
      readable: id.kind == .user ? (id.id, model.readable[id.id]) : ("", nil), now: model.now)
  }

  /// The grants with what was used of them, as the books have them.
  private func booked(_ grants: [Grant], _ id: AccountID) -> [Grant] {
    grants.map { grant in
      var grant = grant
      grant.used = model.accounts[id]?.booked(grant.reference) ?? 0
      return grant
    }
  }

  /// The account's open holds, as the books have them.
  private func open(_ id: AccountID) -> [HoldRecord] {
    (model.accounts[id]?.open ?? []).compactMap { key in
      model.holds[key.id].map { hold in
        HoldRecord(
          id: key.id, user: hold.id.user, tenant: hold.id.tenant, feature: hold.feature, tokens: hold.amount,
          expiresAt: Instant(milliseconds: hold.expires), createdAt: Instant(milliseconds: hold.created),
          userAllocations: hold.own?.parts ?? [], tenantAllocations: hold.pool?.parts ?? [])
      }
    }
  }

  private mutating func report(_ user: String) -> WorldStep {
    let request = request(user)
    let answer = model.report(request)
    return finished(
      "report \(user)", calls.report(request), .report(answer), user: user,
      tenant: request.rights.principal.tenant)
  }
}
