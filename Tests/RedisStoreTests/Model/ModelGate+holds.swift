import Gate

/// Settle, release and extend.
extension ModelGate {
  /// The accounts that a hold is in.
  private func accounts(of id: HoldID, epoch: Int64) -> (
    user: ModelAccount, pool: ModelAccount?, missing: Character?
  ) {
    guard let user = account(.user(id.user), epoch: epoch) else {
      return (ModelAccount(version: 0), nil, "M")
    }
    guard let tenant = id.tenant else { return (user, nil, nil) }
    guard let pool = account(.tenant(tenant), epoch: epoch) else { return (user, nil, "Q") }
    return (user, pool, nil)
  }

  /// A hold that is still remembered.
  private func hold(_ id: HoldID) -> ModelHold? {
    holds[id.text].flatMap { $0.rememberedUntil > now ? $0 : nil }
  }

  private func finalized(_ state: String, _ tokens: Int64) -> ModelAnswer {
    ModelAnswer(letter: "F", granted: tokens, now: now, state: state)
  }

  /// Resolves what is due in both accounts; true when more are due.
  private mutating func expire(_ user: inout ModelAccount, _ pool: inout ModelAccount?, of id: HoldID) -> Bool
  {
    if expire(&user, .user(id.user)) { return true }
    guard let tenant = id.tenant, var account = pool else { return false }
    defer { pool = account }
    return expire(&account, .tenant(tenant))
  }

  private func shown(_ hold: ModelHold, _ user: ModelAccount, _ pool: ModelAccount?) -> ModelBudget {
    if hold.own == nil, hold.pool != nil, let pool { return pool.budget }
    return user.budget
  }

  /// `tokens` nil: released.
  mutating func settle(_ id: HoldID, tokens: Int64?, epoch: Int64, deadline: Int64) -> ModelAnswer {
    if now > deadline { return ModelAnswer(letter: "L", now: now) }
    guard var hold = hold(id) else { return ModelAnswer(letter: "U", now: now) }
    let wanted = tokens == nil ? ModelHold.State.released : .settled
    let actual = tokens ?? 0
    if hold.state != .open {
      if hold.state == wanted, hold.settled == actual, let answer = hold.answer { return answer }
      return finalized(hold.state.rawValue, hold.settled)
    }
    var (user, pool, missing) = accounts(of: id, epoch: epoch)
    if let missing { return ModelAnswer(letter: missing, now: now) }
    if expire(&user, &pool, of: id) { return ModelAnswer(letter: "G", now: now) }

    let isLate = hold.expires <= now
    let taken = isLate ? hold.charge : hold.amount
    if let side = hold.own { user.resolve(side, tokens: actual, charged: isLate ? taken : nil) }
    if let side = hold.pool { pool?.resolve(side, tokens: actual, charged: isLate ? taken : nil) }
    if !isLate {
      user.open.removeAll { $0.id == id.text }
      user.features[hold.feature]?.open.remove(id.text)
      pool?.open.removeAll { $0.id == id.text }
    }
    user.correct(hold, by: actual - taken)
    if hold.notesUse, tokens != nil { user.features[hold.feature, default: ModelFeature()].note(actual) }
    self.tokens[id.user, default: 0] += isLate ? actual - taken : actual
    announce(&user, .user(id.user))
    accounts[.user(id.user)] = user
    if let tenant = id.tenant, var account = pool {
      announce(&account, .tenant(tenant))
      pool = account
      accounts[.tenant(tenant)] = account
    }
    let answer = ModelAnswer(
      letter: "A", granted: actual, budget: shown(hold, user, pool), detail: hold.amount, now: now)
    readable[id.user] = answer.budget.remaining
    hold.state = wanted
    hold.settled = actual
    hold.answer = answer
    hold.rememberedUntil = now + 86_400_000
    holds[id.text] = hold
    return answer
  }

  /// New totals; nil: as it was.
  mutating func extend(
    _ id: HoldID, tokens: Int64?, ttl: Int64?, usedSoFar: Int64? = nil, epoch: Int64, deadline: Int64
  ) -> ModelAnswer {
    if now > deadline { return ModelAnswer(letter: "L", now: now) }
    guard var hold = hold(id) else { return ModelAnswer(letter: "U", now: now) }
    if hold.state != .open { return finalized(hold.state.rawValue, hold.settled) }
    if hold.expires <= now { return finalized("expired", hold.charge) }
    var (user, pool, missing) = accounts(of: id, epoch: epoch)
    if let missing { return ModelAnswer(letter: missing, now: now) }
    if expire(&user, &pool, of: id) { return ModelAnswer(letter: "G", now: now) }

    let reported = max(hold.reported ?? -1, usedSoFar ?? -1)
    let total = max(tokens ?? hold.amount, reported)
    let grown = total - hold.amount
    func room(_ side: ModelHold.Side?, _ account: ModelAccount?) -> Int64 {
      guard let side, let account else { return Limits.tokensMax }
      // A period's hold grows within its period alone.
      return side.period == account.period?.start ?? 0 ? account.remaining : 0
    }
    var answer = ModelAnswer(
      letter: "A", granted: total, budget: shown(hold, user, pool), detail: hold.amount, now: now)
    answer.retry = hold.expires
    if grown > 0, grown > room(hold.own, user) {
      answer.letter = "B"
      return answer
    }
    if grown > 0, grown > room(hold.pool, pool) {
      answer.letter = "P"
      if let pool { answer.budget = pool.budget }
      return answer
    }
    user.open.removeAll { $0.id == id.text }
    pool?.open.removeAll { $0.id == id.text }
    hold.own = hold.own.map { user.rehold($0, total: total, grown: grown) }
    hold.pool = hold.pool.flatMap { pool?.rehold($0, total: total, grown: grown) }
    user.correct(hold, by: grown)
    hold.amount = total
    if reported >= 0 { hold.reported = reported }
    hold.expires = ttl.map { now + $0 } ?? hold.expires
    hold.rememberedUntil = hold.expires + 86_400_000
    user.insert(hold.key)
    pool?.insert(hold.key)
    announce(&user, .user(id.user))
    accounts[.user(id.user)] = user
    if let tenant = id.tenant, var account = pool {
      announce(&account, .tenant(tenant))
      pool = account
      accounts[.tenant(tenant)] = account
    }
    holds[id.text] = hold
    answer.budget = shown(hold, user, pool)
    answer.detail = total
    answer.retry = hold.expires
    readable[id.user] = answer.budget.remaining
    return answer
  }
}

extension ModelAccount {
  /// Holds more, or lets go of what would be spent last.
  mutating func rehold(_ side: ModelHold.Side, total: Int64, grown: Int64) -> ModelHold.Side {
    var side = side
    if grown > 0 {
      side.parts += take(grown, \.held).parts
      return side
    }
    var rest = total
    var kept: [Allocation] = []
    for part in side.parts {
      let stays = min(rest, part.tokens)
      if let index = index(of: part.grant) { grants[index].held -= part.tokens - stays }
      if stays > 0 { kept.append(Allocation(grant: part.grant, tokens: stays)) }
      rest -= stays
    }
    side.parts = kept
    payDebt()
    return side
  }
}
