internal import Gate
internal import HTTPServing
internal import NIOCore

/// When the counters don't answer: `on_store_failure: allow` is answered all the same, within the gate's own
/// allowance, from what Postgres says of the caller at this moment. What the caches say can't be checked now, and
/// counts for nothing: a token that was revoked must not pass.
extension GateSession {
  /// No answer from the counters. What was asked may or may not have been done.
  func storeFailed() {
    guard let degraded = handler.degraded, !isDegraded, let entry, let prepared,
      prepared.feature.onStoreFailure == .allow,
      !(isAmountOpen && call.verdict == .unavailable && call.mayHaveRun)
    else { return refuse(.unavailable) }
    isDegraded = true
    if purpose == .authz {
      allowLoading()
    } else {
      answer(by: .now() + .milliseconds(degraded.mode.waitMilliseconds))
    }
    let turn = turn
    let decide: (Result<Principal?, StoreError>) -> Void = { result in
      guard self.turn == turn, !self.isAnswered else { return }
      switch result {
      case .success(let principal?): self.decide(principal, before: entry, degraded)
      case .success(nil): self.refuseForgotten()
      case .failure: self.refuse(.unavailable)
      }
    }
    if let token {
      handler.lookups.find(token, on: exchange, done: decide)
    } else {
      degraded.users.call(entry.user, on: exchange, done: decide)
    }
  }

  /// The counters decide how many tokens it gets. If they took it, and only the reply is missing, that can't be told,
  /// and a charge could not be exact.
  private var isAmountOpen: Bool { call.partial || call.takesEstimate || call.paysEstimateAtLeast }

  /// Until when the counters may answer a question whose degraded answer must be out by the deadline as well.
  var degradableLimit: NIODeadline {
    let milliseconds = max(1, handler.configuration.deadlineMilliseconds / 2)
    return .uptimeNanoseconds(startedNanoseconds) + .milliseconds(milliseconds)
  }

  private func refuseForgotten() {
    guard let token else {
      if let user = entry?.user { handler.users.remove(handler.hash(user)) }
      return refuse(Problem(.notFound, "There is no such user."))
    }
    handler.principals.remove(token)
    refuse(.tokenInvalid)
  }

  // MARK: Who is calling, and what is asked

  private func decide(_ principal: Principal, before: Caller, _ degraded: DegradedLoop) {
    let fresh = Caller(
      principal, catalog: handler.catalog, token: token, now: degraded.mode.now())
    if let token {
      handler.principals.insert(fresh, for: token)
    } else {
      handler.users.insert(fresh, for: handler.hash(principal.user))
    }
    // What the counters were asked, and may have done, was about another account.
    guard principal.user == before.user, principal.tenant == before.tenant, let feature = prepared?.feature
    else { return refuse(.unavailable) }
    let now = degraded.mode.now()
    if let expires = principal.tokenExpiresAt, expires <= now { return refuse(.tokenInvalid) }
    entry = fresh
    if let refusal = verified {
      guard refusal.code == .planRequired else { return refuse(refusal) }
      // The plan may include it by now. Of the question itself the counters have heard nothing yet.
      verified = nil
      if let problem = fillCall() { return refuse(problem) }
    }
    let entitlement = fresh.entitlement
    prepared = PreparedCheck(
      caller: fresh,
      rights: handler.engine.prepare(fresh.rights, feature: feature, verify: false))
    if let plan = entitlement.plan, !plan.features.contains(feature.name) {
      return refuse(planRequired(plan, feature))
    }
    if purpose != .usage, let lockout = entitlement.lockoutAt, lockout <= now {
      return refuse(subscriptionInactive(entitlement))
    }
    call.numbers = CheckNumbers()
    call.numbers.now = now
    if purpose == .usage {
      call.numbers.granted = call.tokens
      call.numbers.budget = degraded.mode.allowance.report(call.tokens, for: principal.user)
      record(degraded)
    } else {
      take(degraded)
    }
  }

  private func take(_ degraded: DegradedLoop) {
    guard let entry else { return }
    let answer = degraded.mode.allowance.take(
      DegradedAllowance.Request(
        tokens: call.tokens, mode: call.mode, partial: call.partial, rate: degradedRate,
        nanoseconds: NIODeadline.now().uptimeNanoseconds), for: entry.user)
    switch answer {
    case .allowed(let tokens, let budget, let requestsLeft):
      call.numbers.granted = tokens
      call.numbers.budget = budget
      call.numbers.requestsLeft = requestsLeft
      if call.mode == .peek {
        call.verdict = .allowed
        answerAllowed()
      } else {
        record(degraded)
      }
    case .requestRate(let milliseconds, let budget):
      call.numbers.budget = budget
      call.numbers.requestsLeft = 0
      call.numbers.retryAfterMilliseconds = milliseconds
      replay(degraded, otherwise: rateLimited("requests"))
    case .exhausted, .full: replay(degraded, otherwise: .allowanceUsedUp)
    }
  }

  /// The plan's request rate, which this gate enforces from its own memory. A limit in shadow mode refuses nobody.
  private var degradedRate: WindowLimit? {
    guard let limits = entry?.entitlement.limits, !limits.shadow.contains("requests") else {
      return nil
    }
    return limits.requests
  }

  // MARK: Writing it down

  /// Before the answer leaves, it is in Postgres that it is owed.
  private func record(_ degraded: DegradedLoop) {
    guard let charge = charge(degraded.mode) else { return refuse(.unavailable) }
    let mode = degraded.mode
    let (turn, taken, rate) = (turn, call.mode, degradedRate)
    func giveBack() { mode.allowance.giveBack(charge.tokens, taken, rate: rate, for: charge.user) }
    degraded.recordings.call(charge, on: exchange) { result in
      let isWaiting = self.turn == turn && !self.isAnswered
      switch result {
      case .success(nil) where isWaiting:
        mode.allowance.keep(for: charge.user)
        self.handler.metrics.degradedTokens &+= UInt64(charge.tokens)
        self.call.verdict = .allowed
        self.call.numbers.detail = charge.expiresAt?.milliseconds ?? 0
        self.answerAllowed()
      case .success(let first?):
        giveBack()
        if isWaiting { self.replay(first) }
      case .success(nil):
        // Too late: the caller was told 503, and owes nothing.
        giveBack()
        mode.withdraw(charge.operation)
      case .failure:
        giveBack()
        mode.withdraw(charge.operation)
        if isWaiting { self.refuse(.unavailable) }
      }
    }
  }

  private func charge(_ mode: DegradedMode) -> DegradedCharge? {
    guard let entry, let prepared else { return nil }
    let isReserve = call.mode == .reserve
    let now = call.numbers.now
    return DegradedCharge(
      operation: call.operation.text, gate: mode.gate, user: entry.user,
      tenant: entry.tenant, feature: prepared.feature.name,
      kind: purpose == .usage ? .usage : isReserve ? .reserve : .spend, tokens: call.numbers.granted, at: now,
      occurredAt: call.occurredAt,
      metadata: call.metadata, idempotencyKey: call.idempotencyKey,
      fingerprint: call.idempotencyKey == nil ? nil : call.fingerprint, hold: isReserve ? call.holdID : nil,
      expiresAt: isReserve ? Instant(milliseconds: now.milliseconds + call.ttlMilliseconds) : nil,
      onExpire: call.releaseOnExpiry ? .release : .charge, state: isReserve ? .open : .final,
      budget: call.numbers.budget)
  }

  // MARK: Replays

  /// A retry gets its first answer, whatever is left by now; without one the request is refused.
  private func replay(_ degraded: DegradedLoop, otherwise problem: Problem) {
    guard let key = call.idempotencyKey, let user = entry?.user else { return refuse(problem) }
    let charges = degraded.mode.charges
    load({ () async throws(StoreError) in try await charges.charge(user: user, idempotencyKey: key) }) {
      result in
      guard case .success(let first?) = result else { return self.refuse(problem) }
      self.replay(first)
    }
  }

  private func replay(_ first: DegradedCharge) {
    guard first.fingerprint == call.fingerprint else {
      return refuse(Problem(.idempotencyConflict, "This Idempotency-Key was used for another request."))
    }
    call.verdict = .replayed
    call.replayedHold = first.hold ?? ""
    call.numbers.granted = first.tokens
    call.numbers.budget = first.budget
    call.numbers.detail = first.expiresAt?.milliseconds ?? 0
    answerAllowed()
  }

  // MARK: What marks the answer

  func writeDegradedMember(into out: inout ByteBuffer) {
    if isDegraded { out.json(",\"degraded\":true") }
  }

  func writeDegradedHeader(into out: inout ByteBuffer) {
    if isDegraded { out.writeStaticString("Tollgate-Degraded: 1\r\n") }
  }
}

extension Problem {
  static let allowanceUsedUp = Problem(
    .storeUnavailable,
    "The counters can't be reached, and what may be allowed without them is used up; nothing was taken.",
    headers: { $0.writeStaticString("Retry-After: 1\r\n") })
}
