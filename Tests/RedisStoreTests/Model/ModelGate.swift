import Gate

/// What the caller says of whom it asks for.
struct ModelRights {
  var principal: Principal
  var entitlement: Entitlement
  var verify = false
  var feature = WorldPlans.chat
  var caller: Caller { Caller(principal, Rights(entitlement)) }
  var limits: RateLimits { entitlement.limits }
  /// nil: nothing is kept of the feature alone.
  var featureLimits: RateLimits? {
    let limits = entitlement.featureLimits[feature.name] ?? RateLimits()
    return limits == RateLimits() && !feature.defaultIsP95 ? nil : limits
  }
}

/// The calendars of a question.
struct ModelCalendars {
  var own: ModelBounds
  var pool: ModelBounds
  var day: ModelBounds
}

struct ModelRequest {
  var rights: ModelRights
  var calendars: ModelCalendars
  var epoch: Int64
  var deadline: Int64
  var tokens: Int64
  var mode = CheckMode.spend
  var ttl: Int64 = 0
  var partial = false
  var releasesOnExpiry = false
  var takesEstimate = false
  var paysEstimateAtLeast = false
  var explains = false
  var afterTheFact = false
  var occurredAt: Int64?
  var hold: HoldID?
  var feature: String { rights.feature.name }
  var idempotencyKey: String?
  var fingerprint = ""
}

/// The whole gate without a Redis: reference for the scripts.
struct ModelGate {
  var epoch: Int64 = 1
  /// Microseconds since 2026.
  var clock: Int64
  var accounts: [AccountID: ModelAccount] = [:]
  var holds: [String: ModelHold] = [:]
  var remembered: [String: (fingerprint: String, answer: ModelAnswer, until: Int64)] = [:]
  /// What each user ever used.
  var tokens: [String: Int64] = [:]
  /// Thresholds that were announced, in their order per account.
  var crossings: [ModelCrossing] = []
  /// What `chatbot-usage:<user>` reads.
  var readable: [String: Int64] = [:]

  static let base: Int64 = 1_767_225_600_000_000
  var now: Int64 { (clock + ModelGate.base) / 1000 }

  init(clock: Int64) { self.clock = clock }

  /// The account as it stands now; nil when it isn't here.
  func account(_ id: AccountID, epoch: Int64) -> ModelAccount? {
    guard epoch == self.epoch, var account = accounts[id] else { return nil }
    account.drop(at: now)
    return account
  }

  /// Resolves holds that are due, and keeps that. True when more are due.
  mutating func expire(_ account: inout ModelAccount, _ id: AccountID) -> Bool {
    let isDue = account.open.first.map { $0.expires <= now } ?? false
    let (charged, more) = account.expire(at: now, of: id.kind, holds)
    if id.kind == .user, charged > 0 { tokens[id.id, default: 0] += charged }
    if isDue { announce(&account, id) }
    accounts[id] = account
    return more
  }

  // MARK: Check and usage

  mutating func check(_ request: ModelRequest) -> ModelAnswer {
    func refusal(_ letter: Character, _ detail: Int64 = 0) -> ModelAnswer {
      ModelAnswer(letter: letter, detail: detail, now: now)
    }
    let principal = request.rights.principal
    let userID = AccountID.user(principal.user)
    if now > request.deadline { return refusal("L") }
    guard var user = account(userID, epoch: request.epoch) else { return refusal("M") }
    if user.version != principal.version { return refusal("S", user.version) }
    var pool: ModelAccount?
    let poolID = principal.tenant.map { AccountID.tenant($0) }
    if let poolID {
      guard let found = account(poolID, epoch: request.epoch) else { return refusal("Q") }
      if found.version != principal.tenantVersion { return refusal("U", found.version) }
      pool = found
    }
    if let key = request.idempotencyKey, let known = remembered[key], known.until > now {
      guard known.fingerprint == request.fingerprint else { return refusal("C") }
      var answer = known.answer
      answer.letter = "I"
      return answer
    }
    let entitlement = request.rights.entitlement
    if !request.afterTheFact {
      if request.rights.verify { return refusal("V") }
      if let lockout = entitlement.lockoutAt, now >= lockout.milliseconds { return refusal("K") }
    }
    let ownTerms = entitlement.own
    let poolTerms = pool == nil ? nil : entitlement.pool
    if ownTerms?.source == .calendar, !request.calendars.own.contains(now) { return refusal("W") }
    if poolTerms?.source == .calendar, !request.calendars.pool.contains(now) { return refusal("W") }
    if !request.calendars.day.contains(now) { return refusal("W") }

    // Time has decided over some holds, whatever becomes of the question.
    if expire(&user, userID) { return refusal("G") }
    if let poolID, var expired = pool {
      if expire(&expired, poolID) { return refusal("G") }
      pool = expired
    }
    if let ownTerms, ownTerms.source == .calendar { user.follow(ownTerms, request.calendars.own) }
    if let poolTerms, poolTerms.source == .calendar { pool?.follow(poolTerms, request.calendars.pool) }

    var decision = ModelDecision(request: request, clock: clock, now: now, user: user, pool: pool)
    let answer = request.afterTheFact ? decision.record() : decision.decide()
    guard answer.letter == "A", request.mode != .peek || request.afterTheFact else { return answer }
    announce(&decision.user, userID)
    accounts[userID] = decision.user
    if let poolID, var pool = decision.pool {
      announce(&pool, poolID)
      accounts[poolID] = pool
    }
    if let hold = decision.hold {
      holds[hold.id.text] = hold
    } else {
      tokens[principal.user, default: 0] += answer.granted
    }
    readable[principal.user] = answer.budget.remaining
    if let key = request.idempotencyKey {
      var kept = answer
      kept.hold = request.hold?.text ?? ""
      remembered[key] = (request.fingerprint, kept, now + 86_400_000)
    }
    return answer
  }
}

/// One question whose accounts are at hand, in the contract's order of precedence.
struct ModelDecision {
  let request: ModelRequest
  let clock: Int64
  let now: Int64
  var user: ModelAccount
  var pool: ModelAccount?
  var hold: ModelHold?

  private var draws: (own: Bool, pool: Bool) {
    (request.rights.entitlement.own != nil, pool != nil && request.rights.entitlement.pool != nil)
  }

  /// The binding budget: the user's own; the pool's where the user has none.
  private var shown: ModelBudget {
    if !draws.own, draws.pool, let pool { return pool.budget }
    return user.budget
  }

  /// Of the feature alone; a fresh one where nothing was kept yet.
  private var feature: ModelFeature { user.features[request.feature] ?? ModelFeature() }

  /// What the check costs.
  private func amount(ownLeft: Int64, poolLeft: Int64) -> Int64 {
    var amount = request.tokens
    if request.rights.feature.defaultIsP95, request.takesEstimate || request.paysEstimateAtLeast {
      let estimate = feature.estimate ?? request.rights.feature.defaultTokens
      amount = request.takesEstimate ? estimate : max(amount, estimate)
    }
    return request.partial ? min(amount, max(1, min(ownLeft, poolLeft))) : amount
  }

  mutating func decide() -> ModelAnswer {
    let (own, pooled) = draws
    var answer = ModelAnswer(letter: "A", budget: shown, requestsLeft: -1, now: now)
    if let limit = request.rights.limits.requests {
      answer.requestsLeft = ModelBucket(limit).left(user.requestsArrival, Double(clock))
    }
    let ownLeft = own ? user.remaining : Limits.tokensMax
    let poolLeft = pooled ? pool?.remaining ?? 0 : Limits.tokensMax
    let amount = amount(ownLeft: ownLeft, poolLeft: poolLeft)

    var refusal: ModelRule?
    for rule in rules(amount, ownLeft: own ? ownLeft : nil, poolLeft: pooled ? poolLeft : nil) {
      if let bit = rule.shadow, rule.fails { answer.shadowed.insert(bit) }
      if request.explains { answer.rules.append(rule.told) }
      if rule.fails, rule.shadow == nil, refusal == nil {
        refusal = rule
        if !request.explains { break }
      }
    }
    if let refusal {
      answer.letter = refusal.letter
      answer.retry = refusal.retry
      answer.detail = refusal.detail
      if refusal.number == .userBudget || refusal.number == .tenantBudget { answer.granted = amount }
      if refusal.number == .tenantBudget, let pool { answer.budget = pool.budget }
      return answer
    }
    answer.granted = amount
    if request.mode == .peek { return answer }
    take(amount, &answer)
    if answer.requestsLeft > 0 { answer.requestsLeft -= 1 }
    answer.budget = shown
    return answer
  }

  private mutating func take(_ amount: Int64, _ answer: inout ModelAnswer) {
    let (own, pooled) = draws
    let limits = request.rights.limits
    if let limit = limits.requests {
      user.requestsArrival = ModelBucket(limit).arrival(user.requestsArrival, Double(clock), taking: 1)
    }
    if let limit = limits.tokens, amount > 0 {
      user.tokensArrival = ModelBucket(limit).arrival(
        user.tokensArrival, Double(clock), taking: Double(amount))
    }
    count(amount)
    if let limits = request.rights.featureLimits {
      var feature = feature
      if let limit = limits.requests {
        feature.requestsArrival = ModelBucket(limit).arrival(
          feature.requestsArrival, Double(clock), taking: 1)
      }
      if let limit = limits.tokens, amount > 0 {
        feature.tokensArrival = ModelBucket(limit).arrival(
          feature.tokensArrival, Double(clock), taking: Double(amount))
      }
      user.features[request.feature] = feature
    }
    let slot = request.mode == .reserve ? \ModelGrant.held : \ModelGrant.used
    let parts = own ? user.take(amount, slot).parts : []
    let poolParts = pooled ? pool?.take(amount, slot).parts ?? [] : []
    guard request.mode == .reserve, let id = request.hold else { return }
    let isInFeature = request.rights.featureLimits != nil
    let hold = ModelHold(
      id: id, feature: request.feature, amount: amount, expires: now + request.ttl, created: now,
      releasesOnExpiry: request.releasesOnExpiry, isInFeature: isInFeature,
      notesUse: request.rights.feature.defaultIsP95,
      own: own ? ModelHold.Side(parts: parts, period: user.period?.start ?? 0) : nil,
      pool: pooled ? ModelHold.Side(parts: poolParts, period: pool?.period?.start ?? 0) : nil,
      rememberedUntil: now + request.ttl + 86_400_000)
    user.insert(hold.key)
    pool?.insert(hold.key)
    if isInFeature { user.features[request.feature, default: ModelFeature()].open.insert(id.text) }
    self.hold = hold
    answer.detail = hold.expires
  }

  /// What was used is always recorded, as debt where nothing is left.
  mutating func record() -> ModelAnswer {
    if draws.own { user.debt += user.take(request.tokens, \.used).short }
    if draws.pool, var pool {
      pool.debt += pool.take(request.tokens, \.used).short
      self.pool = pool
    }
    count(request.tokens)
    if request.rights.feature.defaultIsP95 {
      user.features[request.feature, default: ModelFeature()].note(request.tokens)
    }
    return ModelAnswer(letter: "A", granted: request.tokens, budget: shown, requestsLeft: -1, now: now)
  }

  private mutating func count(_ tokens: Int64) {
    let limits = request.rights.limits
    let (hour, day) = (now - now % 3_600_000, request.calendars.day.start)
    if limits.hourlyTokens != nil || limits.dailyTokens != nil {
      user.hour.add(tokens, in: hour)
      user.day.add(tokens, in: day)
    }
    if request.rights.featureLimits != nil {
      user.features[request.feature, default: ModelFeature()].hour.add(tokens, in: hour)
      user.features[request.feature, default: ModelFeature()].day.add(tokens, in: day)
    }
  }
}

/// GCRA, by virtual scheduling (ITU-T I.371), in microseconds.
struct ModelBucket {
  let interval: Double
  let burst: Double

  init(_ limit: WindowLimit) {
    interval = Double(limit.windowSeconds) * 1_000_000 / Double(limit.count)
    burst = Double(limit.burst)
  }

  func arrival(_ arrival: Double, _ now: Double, taking amount: Double) -> Double {
    max(arrival, now) + amount * interval
  }
  func early(_ arrival: Double, _ now: Double) -> Double { arrival - now - burst * interval }
  func left(_ arrival: Double, _ now: Double) -> Int64 {
    max(0, Int64(((burst * interval - (max(arrival, now) - now) + 0.5) / interval).rounded(.down)))
  }
}
