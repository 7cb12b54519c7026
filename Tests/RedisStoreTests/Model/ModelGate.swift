import Gate

/// What the caller says of whom it asks for.
struct ModelRights {
  var principal: Principal
  var entitlement: Entitlement
  var verify = false
  var limits: RateLimits { entitlement.plan?.limits ?? RateLimits() }
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
  var afterTheFact = false
  var hold: HoldID?
  var feature = "chat"
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
    let (charged, more) = account.expire(at: now, of: id.kind, holds)
    if id.kind == .user, charged > 0 { tokens[id.id, default: 0] += charged }
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
    accounts[userID] = decision.user
    if let poolID { accounts[poolID] = decision.pool }
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

  mutating func decide() -> ModelAnswer {
    let limits = request.rights.limits
    let (own, pooled) = draws
    func shadow(_ name: String) -> Bool { limits.shadow.contains(name) }
    var answer = ModelAnswer(letter: "A", budget: shown, requestsLeft: -1, now: now)
    let ownLeft = own ? user.remaining : Limits.tokensMax
    let poolLeft = pooled ? pool?.remaining ?? 0 : Limits.tokensMax
    var amount = request.tokens
    if request.partial { amount = min(amount, max(1, min(ownLeft, poolLeft))) }

    var requestsArrival = user.requestsArrival
    if let limit = limits.requests {
      let bucket = ModelBucket(limit)
      answer.requestsLeft = bucket.left(user.requestsArrival, Double(clock))
      requestsArrival = bucket.arrival(user.requestsArrival, Double(clock), taking: 1)
      let early = bucket.early(requestsArrival, Double(clock))
      if early > 0.5, !shadow("requests") { return refuse(&answer, "R", retry: early) }
    }
    var tokensArrival = user.tokensArrival
    if let limit = limits.tokens, amount > 0 {
      let bucket = ModelBucket(limit)
      tokensArrival = bucket.arrival(user.tokensArrival, Double(clock), taking: Double(amount))
      let early = bucket.early(tokensArrival, Double(clock))
      if early > 0.5, !shadow("tokens") { return refuse(&answer, "T", retry: early) }
    }
    let hour = now - now % 3_600_000
    if let cap = limits.hourlyTokens, amount > 0, user.hour.taken(in: hour) + amount > cap,
      !shadow("hourly_tokens")
    {
      return refuse(&answer, "H", retry: Double(hour + 3_600_000 - now) * 1000)
    }
    if let cap = limits.dailyTokens, amount > 0,
      user.day.taken(in: request.calendars.day.start) + amount > cap, !shadow("daily_tokens")
    {
      return refuse(&answer, "Y", retry: Double(request.calendars.day.stop - now) * 1000)
    }
    let concurrent = min(limits.concurrent ?? Int64(Limits.openHoldsMax), Int64(Limits.openHoldsMax))
    if request.mode == .reserve, Int64(user.open.count) >= concurrent, !shadow("concurrent") {
      let wait = (user.open.first?.expires ?? now + 1000) - now
      answer.detail = concurrent
      return refuse(&answer, "N", retry: Double(wait) * 1000)
    }
    if amount > ownLeft {
      answer.detail = ownLeft
      return refuse(&answer, "B")
    }
    if amount > poolLeft, let pool {
      answer.budget = pool.budget
      answer.detail = poolLeft
      return refuse(&answer, "P")
    }
    answer.granted = amount
    if request.mode == .peek { return answer }

    user.requestsArrival = requestsArrival
    user.tokensArrival = tokensArrival
    count(amount)
    let slot = request.mode == .reserve ? \ModelGrant.held : \ModelGrant.used
    let parts = own ? user.take(amount, slot).parts : []
    let poolParts = pooled ? pool?.take(amount, slot).parts ?? [] : []
    if request.mode == .reserve, let id = request.hold {
      let hold = ModelHold(
        id: id, feature: request.feature, amount: amount, expires: now + request.ttl, created: now,
        releasesOnExpiry: request.releasesOnExpiry,
        own: own ? ModelHold.Side(parts: parts, period: user.period?.start ?? 0) : nil,
        pool: pooled ? ModelHold.Side(parts: poolParts, period: pool?.period?.start ?? 0) : nil,
        rememberedUntil: now + request.ttl + 86_400_000)
      user.insert(hold.key)
      pool?.insert(hold.key)
      self.hold = hold
      answer.detail = hold.expires
    }
    if answer.requestsLeft > 0 { answer.requestsLeft -= 1 }
    answer.budget = shown
    return answer
  }

  /// What was used is always recorded, as debt where nothing is left.
  mutating func record() -> ModelAnswer {
    if draws.own { user.debt += user.take(request.tokens, \.used).short }
    if draws.pool, var pool {
      pool.debt += pool.take(request.tokens, \.used).short
      self.pool = pool
    }
    count(request.tokens)
    return ModelAnswer(letter: "A", granted: request.tokens, budget: shown, requestsLeft: -1, now: now)
  }

  private mutating func count(_ tokens: Int64) {
    let limits = request.rights.limits
    guard limits.hourlyTokens != nil || limits.dailyTokens != nil else { return }
    user.hour.add(tokens, in: now - now % 3_600_000)
    user.day.add(tokens, in: request.calendars.day.start)
  }

  private func refuse(_ answer: inout ModelAnswer, _ letter: Character, retry: Double = 0) -> ModelAnswer {
    answer.letter = letter
    answer.retry = Int64((retry / 1000).rounded(.up))
    return answer
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
