import Gate
import PostgresStore
import TestServers
import Testing

/// Charges for what was allowed while the counters were away.
@Suite struct ChargeTests {
  private let now = Instant(milliseconds: 1_790_000_000_000)

  private func charge(
    _ number: Int, user: String = "u", kind: DegradedCharge.Kind = .spend, tokens: Int64 = 100,
    key: String? = nil, fingerprint: String = "f", expiresIn seconds: Int64 = 60
  ) -> DegradedCharge {
    let name = String(number)
    let isReserve = kind == .reserve
    return DegradedCharge(
      operation: String(repeating: "0", count: 16 - name.count) + name, gate: "g", user: user,
      feature: "chat",
      kind: kind, tokens: tokens, at: now, metadata: #"{"a":"\"1\""}"#, idempotencyKey: key,
      fingerprint: key == nil ? nil : fingerprint, hold: isReserve ? "rsv_\(number)" : nil,
      expiresAt: isReserve ? now.advanced(seconds: seconds) : nil, state: isReserve ? .open : .final,
      budget: Budget(limit: 10, used: 4, held: 1, remaining: 5))
  }

  @Test func whatIsRecordedComesBackWhole() async throws {
    let database = try await TestDatabase.make()
    let charge = charge(1, kind: .reserve, key: "k")
    #expect(try await database.store.record([charge]) == [nil])
    var stored = try #require(try await database.store.charge(user: "u", idempotencyKey: "k"))
    #expect(stored == (try await database.store.charge(hold: "rsv_1")))
    stored.at = charge.at
    #expect(stored == charge)
  }

  @Test func aKeyIsTakenOnce() async throws {
    let database = try await TestDatabase.make()
    // Twice in one statement, and once more by each of four that run at the same time.
    let answers = try await database.store.record([charge(1, key: "k"), charge(2, key: "k"), charge(3)])
    #expect(answers.map { $0?.operation } == [nil, charge(1).operation, nil])
    let later = try await withThrowingTaskGroup(of: [DegradedCharge?].self) { group in
      for number in 10..<14 {
        let mine = [charge(number, key: "fresh"), charge(number + 10, key: "k")]
        group.addTask { try await database.store.record(mine) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(later.filter { $0[0] == nil }.count == 1)
    #expect(later.allSatisfy { $0[1]?.operation == charge(1).operation })
    #expect(try await database.sql("SELECT count(*) FROM tollgate.degraded_charges") == "3")
    // Another user's key of that name is another key.
    #expect(try await database.store.record([charge(30, user: "v", key: "k")]) == [nil])
  }

  @Test func collectorsDoNotShareACharge() async throws {
    let database = try await TestDatabase.make()
    _ = try await database.store.record((1...40).map { charge($0) })
    let claims = try await withThrowingTaskGroup(of: [DegradedCharge].self) { group in
      for _ in 0..<4 {
        group.addTask { try await database.store.claimCharges(limit: 10, leaseMilliseconds: 60_000) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(claims.map(\.operation)).count == 40)
    #expect(claims.count == 40)
    #expect(try await database.store.claimCharges(limit: 10, leaseMilliseconds: 1).isEmpty)
    try await database.store.postpone(Array(claims.prefix(3)), milliseconds: 0)
    #expect(try await database.store.claimCharges(limit: 10, leaseMilliseconds: 60_000).count == 3)
    #expect(try await database.store.chargeBacklog().count == 40)
    #expect(try await database.store.usersOwing(gate: "g") == ["u"])
    #expect(try await database.store.usersOwing(gate: "h") == [])
    try await database.store.markCollected(claims)
    #expect(try await database.store.chargeBacklog() == (0, nil))
    #expect(try await database.store.usersOwing(gate: "g") == [])
  }

  @Test func aReservationIsResolvedOnce() async throws {
    let store = try await TestDatabase.make().store
    _ = try await store.record((1...4).map { charge($0, kind: .reserve) })
    func resolve(_ number: Int, _ action: HoldResolution.Action, at: Instant? = nil) async throws
      -> ChargeResolution
    {
      try await store.resolve(
        hold: "rsv_\(number)", action, outcome: nil, metadata: nil, now: at ?? now)
    }
    guard case .done(let settled, 100, false) = try await resolve(1, .settle(tokens: 250)) else {
      Issue.record("not settled")
      return
    }
    #expect(settled.settledTokens == 250)
    #expect(try await resolve(1, .settle(tokens: 250)) == .done(settled, reserved: 100, isRepeated: true))
    #expect(try await resolve(1, .settle(tokens: 249)) == .finalized(settled))
    #expect(try await resolve(1, .release) == .finalized(settled))

    guard
      case .done(let extended, 100, false) = try await resolve(
        2, .extend(tokens: 300, ttlSeconds: 90, usedSoFar: nil))
    else {
      Issue.record("not extended")
      return
    }
    #expect(extended.tokens == 300)
    for (said, kept, tokens) in [(Int64(40), Int64(40), Int64(300)), (10, 40, 300), (310, 310, 310)] {
      let told = HoldResolution.Action.extend(tokens: nil, ttlSeconds: nil, usedSoFar: said)
      guard case .done(let charge, _, false) = try await resolve(2, told) else {
        Issue.record("\(said) not noted")
        return
      }
      #expect(charge.reported == kept)
      #expect(charge.tokens == tokens)
    }
    #expect(extended.expiresAt == now.advanced(seconds: 90))
    guard
      case .finalized(let ended) = try await resolve(
        2, .extend(tokens: 400, ttlSeconds: nil, usedSoFar: nil), at: now.advanced(seconds: 91))
    else {
      Issue.record("extended when it had run out")
      return
    }
    #expect(ended.state == .expired)
    #expect(ended.settledTokens == 310)
    // A settle may be late, up to a day.
    #expect(try await resolve(2, .settle(tokens: 1), at: now.advanced(seconds: 90 + 86_401)) == .unknown)
    guard case .done = try await resolve(2, .settle(tokens: 1), at: now.advanced(seconds: 90 + 86_399)) else {
      Issue.record("a late settle was refused")
      return
    }
    // While somebody is handing it over, it can be settled, but gets no other amount.
    #expect(try await store.claimCharges(limit: 10, leaseMilliseconds: 60_000).count == 4)
    #expect(try await resolve(3, .extend(tokens: 300, ttlSeconds: nil, usedSoFar: nil)) == .busy)
    guard case .done(let released, 100, false) = try await resolve(3, .release) else {
      Issue.record("not released")
      return
    }
    #expect(released.settledTokens == 0)
    // Who handed it over while it was open has something left to do.
    try await store.markCollected([charge(3, kind: .reserve), charge(4, kind: .reserve)])
    #expect(try await store.chargeBacklog().count == 3)
    #expect(try await resolve(4, .settle(tokens: 5)) == .unknown)
    #expect(try await resolve(9, .release) == .unknown)
  }

  @Test func whatWasNotAllowedIsWithdrawn() async throws {
    let store = try await TestDatabase.make().store
    _ = try await store.record([charge(1), charge(2)])
    try await store.markCollected([charge(2)])
    try await store.withdraw(operations: [charge(1).operation, charge(2).operation, charge(3).operation])
    #expect(try await store.chargeBacklog().count == 0)
    #expect(try await store.record([charge(1)]) == [nil])
  }
}

extension ChargeTests {
  @Test func principalsOfUsersComeInTheirOrder() async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO tollgate.users (id, plan) VALUES ('a', 'pro'), ('b', NULL)")
    let found = try await database.store.principals(users: ["b", "nobody", "a", "b"])
    #expect(found.map { $0?.user } == ["b", nil, "a", "b"])
    #expect(found[2] == (try await database.store.principal(user: "a")))
  }
}
