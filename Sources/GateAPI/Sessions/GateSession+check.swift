internal import Gate
internal import HTTPServing
internal import NIOCore

/// The question, asked until the caches agree with Redis.
extension GateSession {
  /// Turns the request into a question. Needs ``entry``.
  func ask() {
    guard let entry else { return }
    if mistake == nil, verified == nil { mistake = fillCall() }
    if let mistake { verified = mistake }
    let index = featureIndex ?? handler.catalog.defaultFeature
    prepared = PreparedCheck(caller: entry, rights: prepare(entry.rights, index))
    send()
  }

  /// Rights to a feature by its place in the catalog, ready to be asked about; refuses a feature that the plan doesn't
  /// include.
  private func prepare(_ rights: Rights, _ index: Int) -> PreparedRights {
    // Only a feature that the plan includes is ever kept ready.
    if verified == nil, let ready = rights.prepared[index] { return ready }
    let feature = handler.catalog.features[index]
    if verified == nil, let plan = rights.entitlement.plan, !plan.features.contains(feature.name) {
      verified = planRequired(plan, feature)
    }
    guard verified == nil else {
      // The refusal rests on what the cache says of the caller: it is checked first, and takes nothing.
      call.reset()
      call.mode = .peek
      return handler.engine.prepare(rights, feature: feature, verify: true)
    }
    let ready = handler.engine.prepare(rights, feature: feature, verify: false)
    rights.prepared[index] = ready
    return ready
  }

  private var featureIndex: Int? {
    guard let name = feature else { return handler.catalog.defaultFeature }
    return handler.catalog.index(of: name)
  }

  private var feature: String? {
    if purpose == .authz { return policy?.feature }
    return body.feature
      ?? (purpose == .check ? exchange.value(of: .tollgateFeature).map { exchange.string($0) } : nil)
  }

  func send() {
    guard let prepared else { return }
    attempts += 1
    guard attempts <= GateSession.attemptsMax, NIODeadline.now() < limit else { return refuse(.unavailable) }
    var deadline = NIODeadline.now() + .milliseconds(handler.configuration.deadlineMilliseconds)
    if purpose == .authz, prepared.feature.onStoreFailure == .allow {
      deadline = min(deadline, degradableLimit)
    }
    if limit < deadline { deadline = limit }
    call.deadlineNanoseconds = deadline.uptimeNanoseconds
    // The client may leave, and its connection with it, while the counters are asked.
    call.keeper = self
    handler.engine.check(call, prepared)
  }

  func completed(_ call: CheckCall) {
    call.keeper = nil
    guard call === self.call, !isAnswered, let entry, let prepared else { return }
    switch call.verdict {
    case .allowed, .replayed: answerAllowed()
    case .current: refuse(verified.map(explained) ?? .unavailable)
    case .lockedOut: refuse(explained(subscriptionInactive(entry.entitlement)))
    case .requestRate: refuse(explained(rateLimited("requests")))
    case .tokenRate: refuse(explained(rateLimited("tokens")))
    case .hourlyCap: refuse(explained(rateLimited("hourly_tokens")))
    case .dailyCap: refuse(explained(rateLimited("daily_tokens")))
    case .featureRequestRate: refuse(explained(rateLimited("requests", ofFeature: true)))
    case .featureTokenRate: refuse(explained(rateLimited("tokens", ofFeature: true)))
    case .featureHourlyCap: refuse(explained(rateLimited("hourly_tokens", ofFeature: true)))
    case .featureDailyCap: refuse(explained(rateLimited("daily_tokens", ofFeature: true)))
    case .concurrency, .featureConcurrency: refuse(explained(concurrencyLimited()))
    case .userBudget: refuse(explained(budgetExhausted(.user)))
    case .poolBudget: refuse(explained(budgetExhausted(.tenant)))
    case .conflict:
      refuse(Problem(.idempotencyConflict, "This Idempotency-Key was used for another request."))
    case .calendarOff:
      handler.engine.adoptClock(call.numbers.now)
      send()
    case .again: send()
    case .userMissing: loadAccount(.user(entry.user), tenant: entry.tenant)
    case .poolMissing: loadAccount(.tenant(prepared.caller.tenant ?? ""), tenant: nil)
    case .userStale:
      reload(.user(entry.user), current: call.numbers.detail, cached: entry.version)
    case .poolStale:
      reload(
        .tenant(entry.tenant ?? ""), current: call.numbers.detail,
        cached: entry.tenantVersion)
    case .late, .unavailable: storeFailed()
    }
  }

  // MARK: Until the caches agree

  private func loadAccount(_ account: AccountID, tenant: String?) {
    let loader = handler.loader
    load({ () async throws(StoreError) in try await loader.load(account, tenant: tenant) }) { result in
      switch result {
      case .success(let epoch):
        self.handler.engine.epoch = epoch
        self.send()
      case .failure(.notFound): self.lookUpAgain()
      case .failure: self.storeFailed()
      }
    }
  }

  /// The versions differ. Where ours is older, who is calling is looked up again; where Redis' is, it has yet to
  /// learn of a change that Postgres has: it is told now.
  private func reload(_ account: AccountID, current: Int64, cached: Int64) {
    guard cached > current else { return lookUpAgain() }
    let publisher = handler.publisher
    load({ () async throws(StoreError) in try await publisher.apply(account) }) { result in
      switch result {
      case .success: self.send()
      case .failure: self.storeFailed()
      }
    }
  }

  private func lookUpAgain() {
    attempts += 1
    guard attempts <= GateSession.attemptsMax else { return refuse(.unavailable) }
    mistake = nil
    let refusal = verified
    verified = nil
    if let refusal, refusal.code != .planRequired { mistake = refusal }
    if let token {
      lookUp(token)
    } else if let user = entry?.user {
      lookUp(user: user)
    }
  }
}
