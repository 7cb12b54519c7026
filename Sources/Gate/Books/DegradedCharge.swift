/// What was allowed while the counters were away, and is owed to them. It is durable before the answer leaves,
/// and charged under the operation id of the check that it stands for: should the counters have taken that check
/// after all (its reply was lost), the books show it, and it is not charged again.
package struct DegradedCharge: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// A check in mode `spend`.
    case spend
    /// Reported after the fact.
    case usage
    /// A check in mode `reserve`.
    case reserve
  }
  package enum State: String, Sendable, CaseIterable {
    /// Owed as it is: a spend, or a report.
    case final
    /// A reservation that nobody has settled or released.
    case open
    case settled, released
    /// A reservation whose time passed and that can't be handed over to the counters: what its feature's
    /// `on_expire` says is owed.
    case expired
  }

  /// Sixteen base62 characters.
  package var operation: String
  /// Which process allowed it.
  package var gate: String
  package var user: String
  package var tenant: String?
  package var feature: String
  package var kind: Kind
  /// 0 to 10¹⁵−1; of a reservation, what it reserves.
  package var tokens: Int64
  /// When it was allowed, by Postgres' clock once it is recorded.
  package var at: Instant
  /// When the caller says that a reported use happened.
  package var occurredAt: Instant?
  package var metadata: String?
  /// Digest of the `Idempotency-Key`, unique per user, and what tells its request from others.
  package var idempotencyKey: String?
  package var fingerprint: String?
  /// Of a reservation: `rsv_…`, and how it ends by itself.
  package var hold: String?
  package var expiresAt: Instant?
  package var onExpire: Feature.Expiry
  /// What the client said it had used so far: owed instead of the whole if the reservation runs out.
  package var reported: Int64?
  package var state: State
  /// What was used, once a reservation is no longer open.
  package var settledTokens: Int64?
  package var outcome: String?
  /// The allowance as the answer showed it, for replays.
  package var budget: Budget
  /// It was charged, or handed over.
  package var isCollected: Bool

  package init(
    operation: String, gate: String, user: String, tenant: String? = nil, feature: String, kind: Kind,
    tokens: Int64, at: Instant, occurredAt: Instant? = nil, metadata: String? = nil,
    idempotencyKey: String? = nil, fingerprint: String? = nil, hold: String? = nil, expiresAt: Instant? = nil,
    onExpire: Feature.Expiry = .charge, reported: Int64? = nil, state: State = .final,
    settledTokens: Int64? = nil,
    outcome: String? = nil, budget: Budget = Budget(), isCollected: Bool = false
  ) {
    self.operation = operation
    self.gate = gate
    self.user = user
    self.tenant = tenant
    self.feature = feature
    self.kind = kind
    self.tokens = tokens
    self.at = at
    self.occurredAt = occurredAt
    self.metadata = metadata
    self.idempotencyKey = idempotencyKey
    self.fingerprint = fingerprint
    self.hold = hold
    self.expiresAt = expiresAt
    self.onExpire = onExpire
    self.reported = reported
    self.state = state
    self.settledTokens = settledTokens
    self.outcome = outcome
    self.budget = budget
    self.isCollected = isCollected
  }
}

extension DegradedCharge {
  /// Of a reservation: what is owed when its time passes.
  package var owedAtExpiry: Int64 { reported ?? (onExpire == .charge ? tokens : 0) }
}

extension OperationID {
  /// nil for what isn't sixteen bytes.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 16 else { return nil }
    func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: word(bytes[..<8]), low: word(bytes[8...]))
  }
}
