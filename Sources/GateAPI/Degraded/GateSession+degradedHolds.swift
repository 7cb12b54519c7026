internal import Gate
internal import HTTPServing
internal import NIOCore

/// Reservations that were made while the counters were away stand in Postgres until a collector hands them over.
extension GateSession {
  /// The counters don't answer, or don't know the hold. `problem` is what is said when it isn't one of those.
  func resolveDegraded(_ hold: HoldID, _ action: HoldResolution.Action, otherwise problem: Problem) {
    guard let mode = handler.degraded?.mode else { return refuse(problem) }
    guard case .extend(let tokens, _, let usedSoFar) = action, tokens != nil || usedSoFar != nil else {
      return resolve(hold, action, mode, held: 0, otherwise: problem)
    }
    // What it is to hold more has to fit into the allowance first.
    load({ () async throws(StoreError) in try await mode.charges.charge(hold: hold.text) }) { result in
      switch result {
      case .failure: self.refuse(.unavailable)
      case .success(nil): self.refuse(problem)
      case .success(let charge?):
        let total = max(tokens ?? charge.tokens, usedSoFar ?? 0, charge.reported ?? 0)
        let more = charge.state == .open ? total - charge.tokens : 0
        guard more <= 0 || mode.allowance.hold(more, for: hold.user) else {
          return self.refuse(.allowanceUsedUp)
        }
        self.resolve(hold, action, mode, held: max(0, more), otherwise: problem)
      }
    }
  }

  /// `held`: how many tokens the allowance holds already for an extension.
  private func resolve(
    _ hold: HoldID, _ action: HoldResolution.Action, _ mode: DegradedMode, held: Int64,
    otherwise problem: Problem
  ) {
    let (outcome, metadata) = (body.outcome, body.metadata)
    allowLoading()
    let turn = turn
    exchange.perform({ () async -> Result<ChargeResolution, StoreError> in
      do throws(StoreError) {
        return .success(
          try await mode.charges.resolve(
            hold: hold.text, action, outcome: outcome, metadata: metadata, now: mode.now()))
      } catch {
        return .failure(error)
      }
    }) { result in
      self.count(result, action, mode, held: held, for: hold.user)
      guard self.turn == turn, !self.isAnswered else { return }
      switch result {
      case .success(.done(let charge, let reserved, _)):
        self.isDegraded = true
        self.answer(
          hold, action, tokens: charge.settledTokens ?? charge.tokens, reserved: reserved,
          budget: mode.allowance.budget(of: hold.user), expiresAt: charge.expiresAt)
      case .success(.finalized(let charge)):
        self.refuse(GateSession.finalized(charge.state.rawValue, charge.settledTokens ?? 0))
      case .success(.unknown): self.refuse(problem)
      case .success(.busy), .failure: self.refuse(.unavailable)
      }
    }
  }

  /// Has the allowance follow what became of the hold, whether or not anybody waits for the answer still.
  private func count(
    _ result: Result<ChargeResolution, StoreError>, _ action: HoldResolution.Action, _ mode: DegradedMode,
    held: Int64, for user: String
  ) {
    guard case .success(.done(let charge, let reserved, false)) = result else {
      mode.allowance.correct(held: -held, for: user)
      return
    }
    if case .extend = action {
      let grown = charge.tokens - reserved
      if grown > 0 || charge.gate == mode.gate { mode.allowance.correct(held: grown - held, for: user) }
    } else if charge.gate == mode.gate {
      _ = mode.allowance.settle(held: reserved, used: charge.settledTokens ?? 0, for: user)
    }
  }
}
