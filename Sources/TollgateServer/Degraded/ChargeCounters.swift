internal import Gate
internal import NIOCore
internal import RedisStore

/// The counters as a collector charges them: asked like a check, with accounts loaded and versions brought in line
/// until there is an answer.
struct ChargeCounters: Sendable {
  let engine: NIOLoopBound<LoopCheckEngine>
  let principals: any PrincipalStore
  let loader: any AccountLoading
  let publisher: any OutboxApplying
  let catalog: Catalog
  let calendar: any PeriodCalendar
  let now: @Sendable () -> Instant

  enum Outcome: Sendable, Equatable {
    case taken
    /// It was taken before; `hold` is the reservation that was made then.
    case replayed(hold: String)
    /// The key stands for another request.
    case conflict
    /// Not enough is left to hold it.
    case refused
    /// The period that it belongs to is over: it can't be held any more.
    case periodOver
    /// There is no such user any more.
    case gone
  }

  private static let attemptsMax = 12
  /// What one question may take.
  private static let patience = TimeAmount.seconds(1)

  var isReady: Bool {
    get async {
      let engine = engine
      return (try? await engine.eventLoop.submit { engine.value.isReady }.get()) ?? false
    }
  }

  /// Charges or holds what a charge stands for; nothing reaches the counters after `limit`. Throws `unavailable`
  /// when nothing is known of the outcome.
  func ask(
    _ question: ChargeQuestion, for charge: DegradedCharge, until limit: NIODeadline
  ) async throws(StoreError) -> Outcome {
    let feature = catalog.features[charge.feature] ?? Feature(name: charge.feature, defaultTokens: 0)
    for _ in 0..<ChargeCounters.attemptsMax {
      guard let principal = try await principals.principal(user: charge.user) else { return .gone }
      guard let entitlement = try await entitlement(of: principal, question, at: charge.at) else {
        return .periodOver
      }
      let answer = try await send(question, principal, entitlement, feature, until: limit)
      switch answer.verdict {
      case .allowed: return .taken
      case .replayed: return .replayed(hold: answer.replayedHold)
      case .conflict: return .conflict
      case .userBudget, .poolBudget, .concurrency, .featureConcurrency: return .refused
      default: try await agree(answer, principal)
      }
    }
    throw .unavailable("the counters and the accounts don't agree")
  }

  private func send(
    _ question: ChargeQuestion, _ principal: Principal, _ entitlement: Entitlement, _ feature: Feature,
    until limit: NIODeadline
  ) async throws(StoreError) -> ChargeQuestion.Answer {
    let engine = engine
    let deadline = min(limit, .now() + ChargeCounters.patience)
    let future = engine.eventLoop.flatSubmit { () -> EventLoopFuture<ChargeQuestion.Answer> in
      let promise = engine.eventLoop.makePromise(of: ChargeQuestion.Answer.self)
      question.ask(
        engine.value, principal, entitlement, feature: feature, deadline: deadline, promise: promise)
      return promise.futureResult
    }
    guard let answer = try? await future.get() else { throw .unavailable("the event loop is gone") }
    return answer
  }

  /// Has the counters and the accounts agree, so that the question can be asked again.
  private func agree(_ answer: ChargeQuestion.Answer, _ principal: Principal) async throws(StoreError) {
    let tenant = principal.tenant ?? ""
    switch answer.verdict {
    case .userMissing: try await load(.user(principal.user), tenant: principal.tenant)
    case .poolMissing: try await load(.tenant(tenant), tenant: nil)
    case .userStale where principal.version > answer.numbers.detail:
      try await publisher.apply(.user(principal.user))
    case .poolStale where principal.tenantVersion > answer.numbers.detail:
      try await publisher.apply(.tenant(tenant))
    // Read again: it has changed meanwhile.
    case .userStale, .poolStale, .again: break
    case .calendarOff:
      let engine = engine
      let now = answer.numbers.now
      engine.eventLoop.execute { engine.value.adoptClock(now) }
    default: throw .unavailable("the counters don't answer")
    }
  }

  private func load(_ account: AccountID, tenant: String?) async throws(StoreError) {
    let epoch = try await loader.load(account, tenant: tenant)
    let engine = engine
    engine.eventLoop.execute { engine.value.epoch = epoch }
  }

  /// Settles or releases the hold that a reservation has become.
  func resolve(
    _ hold: HoldID, _ action: HoldResolution.Action, for charge: DegradedCharge, until limit: NIODeadline
  ) async throws(StoreError) -> HoldAnswer {
    var wasLoaded = false
    var random = SystemRandomNumberGenerator()
    // Not the charge's own: that one stands for the making of the hold alone.
    let operation = OperationID.make(using: &random)
    for _ in 0..<ChargeCounters.attemptsMax {
      let resolution = HoldResolution(
        hold: hold, action: action, outcome: charge.outcome ?? "", metadata: charge.metadata ?? "",
        operation: operation,
        deadlineNanoseconds: min(limit, .now() + ChargeCounters.patience).uptimeNanoseconds)
      let engine = engine
      let future = engine.eventLoop.flatSubmit { () -> EventLoopFuture<HoldAnswer> in
        let promise = engine.eventLoop.makePromise(of: HoldAnswer.self)
        engine.value.resolve(resolution) { promise.succeed($0) }
        return promise.futureResult
      }
      let answer = (try? await future.get()) ?? .unavailable
      switch answer {
      case .done, .finalized, .exhausted: return answer
      case .unknown:
        // Lost with its account, perhaps: the books have it then.
        guard !wasLoaded, try await principals.hold(id: hold.text)?.state == .open else { return .unknown }
        wasLoaded = true
        try await load(.user(hold.user), tenant: hold.tenant)
      case .missing(.user): try await load(.user(hold.user), tenant: hold.tenant)
      case .missing(.tenant): try await load(.tenant(hold.tenant ?? ""), tenant: nil)
      case .again: break
      case .unavailable: throw .unavailable("the counters don't answer")
      }
    }
    throw .unavailable("the hold can't be resolved")
  }

  // MARK: Rights

  /// The rights that a charge is taken with. No limit refuses it, for it was allowed; and a period that began since
  /// is none of its business: then it is only booked, and nil is returned for what can't be held any more.
  private func entitlement(
    of principal: Principal, _ question: ChargeQuestion, at moment: Instant
  ) async throws(StoreError) -> Entitlement? {
    var entitlement = Entitlement(of: principal, catalog: catalog, now: now())
    entitlement.lockoutAt = nil
    var isOver = false
    if try await hasBegun(entitlement.own, of: .user(principal.user), since: moment) {
      entitlement.own = nil
      isOver = true
    }
    if let tenant = principal.tenant,
      try await hasBegun(entitlement.pool, of: .tenant(tenant), since: moment)
    {
      entitlement.pool = nil
      isOver = true
    }
    switch question.form {
    case .reserve:
      guard !isOver else { return nil }
      withoutLimits(&entitlement)
    case .usage:
      // The caps count it in the hour and the day that it is charged in; of a period that is over, nowhere.
      if isOver { withoutLimits(&entitlement) }
    }
    return entitlement
  }

  private func withoutLimits(_ entitlement: inout Entitlement) {
    entitlement.limits = RateLimits()
    entitlement.featureLimits = [:]
  }

  /// Whether a new period of the account has begun since a moment: by the calendar, by a payment, by a reset.
  private func hasBegun(
    _ terms: BudgetTerms?, of account: AccountID, since moment: Instant
  ) async throws(StoreError) -> Bool {
    guard let terms else { return false }
    if terms.source == .calendar {
      let start = calendar.bounds(of: terms.calendarPeriod, timeZone: terms.rule.timeZone, at: now()).start
      if start > moment { return true }
    }
    let grants = try await principals.snapshot(of: account)?.grants ?? []
    return grants.contains { $0.kind == .period && ($0.periodStart.map { $0 > moment } ?? false) }
  }
}
