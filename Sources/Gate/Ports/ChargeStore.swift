/// Where the gate writes down what it allows while the counters are away.
package protocol ChargeStore: Sendable {
  /// The principals of users, as they are stored at this moment; nil for those that are not. In the order asked,
  /// in one statement.
  func principals(users: [String]) async throws(StoreError) -> [Principal?]

  /// Records what is about to be allowed, in one statement; durable when this returns. For each, in their order:
  /// nil when it was recorded, or the charge that has its user's idempotency key already.
  func record(_ charges: [DegradedCharge]) async throws(StoreError) -> [DegradedCharge?]

  /// The charge that was recorded under a user's idempotency key.
  func charge(user: String, idempotencyKey: String) async throws(StoreError) -> DegradedCharge?

  /// The charge of a reservation that was made while the counters were away.
  func charge(hold: String) async throws(StoreError) -> DegradedCharge?

  /// Takes back what was recorded but not allowed: the answer came too late.
  func withdraw(operations: [String]) async throws(StoreError)

  /// Settles, releases or extends a reservation that was made while the counters were away, and has not been
  /// handed over to them.
  func resolve(
    hold: String, _ action: HoldResolution.Action, outcome: String?, metadata: String?, now: Instant
  ) async throws(StoreError) -> ChargeResolution
}

/// What became of such a reservation.
package enum ChargeResolution: Sendable, Equatable {
  /// As it is now. `reserved` is what it reserved before; `isRepeated`: by the same call before.
  case done(DegradedCharge, reserved: Int64, isRepeated: Bool)
  /// Resolved in another way.
  case finalized(DegradedCharge)
  /// It is just being handed over: ask again.
  case busy
  /// There is no such reservation here (any more).
  case unknown
}

/// What the collectors of all gates do with the charges: each is worked on by one at a time, and any number of
/// attempts charges it once.
package protocol ChargeCollecting: Sendable {
  /// At most `limit` charges that are due, kept from other collectors for so long.
  func claimCharges(limit: Int, leaseMilliseconds: Int64) async throws(StoreError) -> [DegradedCharge]
  /// What the books say of these operations: the kind of entry that each made.
  func bookedKinds(operations: [String]) async throws(StoreError) -> [String: LedgerEntry.Kind]
  /// Marks charges that are still in the state they were read in as charged.
  func markCollected(_ charges: [DegradedCharge]) async throws(StoreError)
  /// Ends an open reservation whose time has passed, with what is owed for it.
  func expire(_ charge: DegradedCharge, owed: Int64) async throws(StoreError)
  /// Leaves charges alone for so long.
  func postpone(_ charges: [DegradedCharge], milliseconds: Int64) async throws(StoreError)
  /// Users for whom a gate allowed something that is not charged yet.
  func usersOwing(gate: String) async throws(StoreError) -> [String]
  /// Charges that wait, and when the oldest was made.
  func chargeBacklog() async throws(StoreError) -> (count: Int64, oldest: Instant?)
}
