internal import Gate
internal import HTTPServing
internal import NIOCore

/// `POST /v1/reservations/{id}/settle|extend|release`.
extension GateSession {
  func beginReservation() {
    let parts = exchange.string(exchange.path).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5 else { return refuse(Problem(.notFound, "There is nothing here.")) }
    let purpose: Purpose
    let fields: GateBody.Fields
    switch parts[4] {
    case "settle": (purpose, fields) = (.settle, .settle)
    case "release": (purpose, fields) = (.release, .release)
    case "extend": (purpose, fields) = (.extend, .extend)
    default: return refuse(Problem(.notFound, "There is nothing here."))
    }
    hold = HoldID(String(parts[3])) ?? HoldID.impossible
    beginPost(purpose, fields: fields)
  }

  /// The caller has a service key.
  func resolveHold() {
    if let mistake { return refuse(mistake) }
    guard let hold else { return }
    guard hold != HoldID.impossible else { return refuse(GateSession.unknownHold) }
    let action: HoldResolution.Action
    switch purpose {
    case .settle:
      guard let tokens = body.tokens else {
        return refuse(.invalid(FieldError(field: "tokens", message: "is required")))
      }
      action = .settle(tokens: tokens)
    case .extend:
      guard body.tokens != nil || body.ttlSeconds != nil || body.usedSoFar != nil else {
        return refuse(.invalid(FieldError(field: "tokens", message: "or ttl_s or used_so_far is required")))
      }
      action = .extend(tokens: body.tokens, ttlSeconds: body.ttlSeconds, usedSoFar: body.usedSoFar)
    default: action = .release
    }
    if let outcome = body.outcome, !Identifier.isValid(outcome) || outcome.utf8.count > 64 {
      return refuse(
        .invalid(FieldError(field: "outcome", message: "must be 1 to 64 visible ASCII characters")))
    }
    if let named = body.user ?? exchange.value(of: .tollgateUser).map({ exchange.string($0) }),
      named != hold.user
    {
      return refuse(GateSession.unknownHold)
    }
    let operation = OperationID.make(using: &handler.random)
    resolve(hold, action, operation)
  }

  private static let unknownHold = Problem(.reservationUnknown, "There is no such reservation.")

  private func resolve(_ hold: HoldID, _ action: HoldResolution.Action, _ operation: OperationID) {
    attempts += 1
    guard attempts <= GateSession.attemptsMax, NIODeadline.now() < limit else { return refuse(.unavailable) }
    let deadline = NIODeadline.now() + .milliseconds(handler.configuration.deadlineMilliseconds)
    let resolution = HoldResolution(
      hold: hold, action: action, outcome: body.outcome ?? "", metadata: body.metadata ?? "",
      operation: operation, deadlineNanoseconds: deadline.uptimeNanoseconds)
    let turn = turn
    handler.engine.resolve(resolution) { answer in
      guard self.turn == turn, !self.isAnswered else { return }
      switch answer {
      case .done(let tokens, let reserved, let budget, _, let expires):
        self.answer(hold, action, tokens: tokens, reserved: reserved, budget: budget, expiresAt: expires)
      case .finalized(let state, let tokens): self.refuse(GateSession.finalized(state, tokens))
      case .exhausted(let scope, let remaining, let resetsAt, let now):
        self.call.numbers = CheckNumbers()
        self.call.numbers.now = now
        self.call.numbers.detail = remaining
        self.call.numbers.budget.remaining = remaining
        self.call.numbers.budget.resetsAt = resetsAt
        self.call.numbers.granted = max(self.body.tokens ?? 0, self.body.usedSoFar ?? 0)
        self.refuse(self.budgetExhausted(scope))
      case .unknown: self.consultBooks(hold, action, operation)
      case .missing(let kind):
        let account = kind == .user ? AccountID.user(hold.user) : .tenant(hold.tenant ?? "")
        self.loadAccount(account, of: hold) { self.resolve(hold, action, operation) }
      case .again: self.resolve(hold, action, operation)
      case .unavailable: self.resolveDegraded(hold, action, otherwise: .unavailable)
      }
    }
  }

  private func loadAccount(_ account: AccountID, of hold: HoldID, then: @escaping () -> Void) {
    let loader = handler.loader
    load({ () async throws(StoreError) in try await loader.load(account, tenant: hold.tenant) }) { result in
      switch result {
      case .success(let epoch):
        self.handler.engine.epoch = epoch
        then()
      case .failure(.notFound): self.refuse(GateSession.unknownHold)
      case .failure: self.refuse(.unavailable)
      }
    }
  }

  /// Redis doesn't know the hold. If it lost the account, that is loaded with its open holds; else the books say
  /// what became of it.
  private func consultBooks(_ hold: HoldID, _ action: HoldResolution.Action, _ operation: OperationID) {
    let store = handler.store
    let wasLoaded = attempts > 1
    load({ () async throws(StoreError) in try await store.hold(id: hold.text) }) { result in
      switch result {
      case .failure: self.refuse(.unavailable)
      case .success(nil): self.resolveDegraded(hold, action, otherwise: GateSession.unknownHold)
      case .success(let record?) where record.state == .open && !wasLoaded:
        self.loadAccount(.user(hold.user), of: hold) { self.resolve(hold, action, operation) }
      case .success(let record?) where record.state == .expired && self.isLateSettle(record, action):
        // Its outcome was lost with Redis; what the books say of it is put back, and the settle goes on.
        self.handler.engine.recall(record) {
          guard self.attempts < GateSession.attemptsMax else { return self.refuse(.unavailable) }
          self.resolve(hold, action, operation)
        }
      case .success(let record?): self.answerFromBooks(record, action)
      }
    }
  }

  /// Within a day of its expiry a settle or release still corrects what was booked.
  private func isLateSettle(_ record: HoldRecord, _ action: HoldResolution.Action) -> Bool {
    if case .extend = action { return false }
    return handler.engine.now() < record.expiresAt.advanced(seconds: Limits.lateSettleSeconds)
  }

  private func answerFromBooks(_ record: HoldRecord, _ action: HoldResolution.Action) {
    guard record.state != .open else { return refuse(GateSession.unknownHold) }
    refuse(GateSession.finalized(record.state.rawValue, record.settledTokens ?? 0))
  }

  static func finalized(_ state: String, _ tokens: Int64) -> Problem {
    Problem(.reservationFinalized, "The reservation is already \(state).", headers: nil) { out in
      out.json(",\"state\":")
      out.json(string: state)
      out.json(",\"tokens\":")
      out.json(tokens)
    }
  }

  func answer(
    _ hold: HoldID, _ action: HoldResolution.Action, tokens: Int64, reserved: Int64, budget: Budget,
    expiresAt: Instant?
  ) {
    guard finish(isDegraded ? .degraded : .allowed) else { return }
    handler.writer.respond(
      to: exchange, status: 200, requestID: requestID, head: { writeDegradedHeader(into: &$0) }
    ) { out in
      out.json("{\"reservation\":")
      out.json(string: hold.text)
      switch action {
      case .settle: out.json(",\"state\":\"settled\",\"reserved\":")
      case .release: out.json(",\"state\":\"released\",\"reserved\":")
      case .extend: out.json(",\"state\":\"open\",\"reserved\":")
      }
      out.json(reserved)
      out.json(",\"tokens\":")
      out.json(tokens)
      if case .extend = action {
        out.json(",\"expires_at\":")
        out.json(expiresAt)
      }
      out.json(",\"budget\":")
      out.json(budget)
      writeDegradedMember(into: &out)
      out.json("}")
    }
  }
}

extension HoldID {
  /// Stands for a name that no hold of ours can have.
  static let impossible = HoldID(operation: OperationID(), user: "-", tenant: nil)
}
