internal import Gate
internal import Logging
internal import NIOCore

/// What one charge needs, by its state and by what the books have of its operation.
extension ChargeCollector {
  func step(
    _ charge: DegradedCharge, _ booked: LedgerEntry.Kind?, until limit: NIODeadline
  ) async throws(StoreError) -> Step {
    switch (charge.state, booked) {
    case (.final, .some): return .collected
    case (.final, nil): return try await book(charge, charge.tokens, until: limit)
    // The counters have the hold: everything else about it is theirs. What was settled here is settled there.
    case (.open, .some):
      try await report(charge, until: limit)
      return .collected
    case (.expired, .some): return .collected
    case (.settled, .reserve), (.released, .reserve): return try await resolve(charge, until: limit)
    case (.settled, .some), (.released, .some): return .collected
    case (.settled, nil), (.expired, nil), (.released, nil):
      let owed = charge.settledTokens ?? 0
      return owed == 0 ? .collected : try await book(charge, owed, until: limit)
    case (.open, nil): return try await handOver(charge, until: limit)
    }
  }

  /// Books what was used. Under the caller's own key, so that a retry gets its first answer from now on; and if the
  /// key has a record already, that request was taken before the counters went away, and this was its retry.
  private func book(
    _ charge: DegradedCharge, _ tokens: Int64, until limit: NIODeadline
  ) async throws(StoreError) -> Step {
    var question = try question(charge, .usage, tokens)
    if charge.state == .final, let key = charge.idempotencyKey, let fingerprint = charge.fingerprint {
      question.idempotencyKey = key
      question.fingerprint = fingerprint
    }
    var outcome = try await counters.ask(question, for: charge, until: limit)
    if outcome == .conflict {
      // Another request had the key before; this one was allowed all the same.
      question = try self.question(charge, .usage, tokens)
      outcome = try await counters.ask(question, for: charge, until: limit)
    }
    switch outcome {
    case .taken: return .taken
    case .replayed: return .collected
    case .gone:
      logger.warning(
        "a charge has no user any more", metadata: ["charge.operation": "\(charge.operation)"])
      return .collected
    case .conflict, .refused, .periodOver: throw .internalError("a report of use was refused")
    }
  }

  /// An open reservation becomes an ordinary hold of the counters; one whose time has passed, a hold that is just
  /// running out, so that its expiry and a late settle go the ordinary way. Where nothing is left to be held, it
  /// stays here until it is settled or runs out.
  private func handOver(
    _ charge: DegradedCharge, until limit: NIODeadline
  ) async throws(StoreError) -> Step {
    guard let hold = charge.hold, let expires = charge.expiresAt else {
      throw .internalError("a reservation without a hold")
    }
    let left = expires.milliseconds - counters.now().milliseconds
    // What was reported of it is told after it is made: it must not run out in between.
    let form = ChargeQuestion.Form.reserve(
      hold: hold, milliseconds: max(charge.reported == nil ? 1 : 2_000, left), onExpire: charge.onExpire)
    var question = try question(charge, form, charge.tokens)
    if let key = charge.idempotencyKey, let fingerprint = charge.fingerprint {
      question.idempotencyKey = key
      question.fingerprint = fingerprint
    }
    var outcome = try await counters.ask(question, for: charge, until: limit)
    if case .replayed(let first) = outcome, first != hold {
      // A retry of a request that was answered before the counters went away: its caller knows this hold now, and
      // not the first, which would be charged when it runs out.
      if let first = HoldID(first) {
        _ = try await counters.resolve(first, .release, for: charge, until: limit)
      }
      outcome = .conflict
    }
    if outcome == .conflict {
      outcome = try await counters.ask(
        try self.question(charge, form, charge.tokens), for: charge, until: limit)
    }
    switch outcome {
    case .taken, .replayed:
      try await report(charge, until: limit)
      return .taken
    case .gone: return .collected
    case .conflict: throw .internalError("a reservation's own key is another's")
    case .refused, .periodOver:
      guard left <= 0 else { return .later }
      return .expired(owed: charge.owedAtExpiry)
    }
  }

  /// Tells the counters what was used of a reservation so far. Telling it again does no harm.
  private func report(_ charge: DegradedCharge, until limit: NIODeadline) async throws(StoreError) {
    guard let tokens = charge.reported, let hold = charge.hold.flatMap({ HoldID($0) }) else { return }
    let action = HoldResolution.Action.extend(tokens: nil, ttlSeconds: nil, usedSoFar: tokens)
    _ = try await counters.resolve(hold, action, for: charge, until: limit)
  }

  private func resolve(_ charge: DegradedCharge, until limit: NIODeadline) async throws(StoreError) -> Step {
    guard let hold = charge.hold.flatMap({ HoldID($0) }) else {
      throw .internalError("a reservation without a hold")
    }
    let action: HoldResolution.Action =
      charge.state == .released ? .release : .settle(tokens: charge.settledTokens ?? 0)
    let answer = try await counters.resolve(hold, action, for: charge, until: limit)
    if case .done = answer { return .collected }
    logger.warning(
      "a reservation was resolved in two ways", metadata: ["charge.operation": "\(charge.operation)"])
    return .collected
  }

  /// Under a key of its own: each operation has one.
  private func question(
    _ charge: DegradedCharge, _ form: ChargeQuestion.Form, _ tokens: Int64
  ) throws(StoreError) -> ChargeQuestion {
    guard let operation = OperationID(charge.operation) else {
      throw .internalError("a charge's operation is unreadable")
    }
    let kind = if case .usage = form { "usage" } else { "reserve" }
    return ChargeQuestion(
      form: form, tokens: tokens, operation: operation, idempotencyKey: "degraded-\(charge.operation)",
      fingerprint: kind, metadata: charge.metadata, occurredAt: charge.occurredAt)
  }
}
