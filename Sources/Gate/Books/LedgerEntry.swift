/// The place of an entry in a usage stream: Redis' `<milliseconds>-<sequence>`. Its milliseconds are
/// Redis' own clock, and are when it happened.
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var milliseconds: Int64
  package var sequence: Int64

  package init(milliseconds: Int64, sequence: Int64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let milliseconds = Int64(parts[0]), let sequence = Int64(parts[1]) else {
      return nil
    }
    self.init(milliseconds: milliseconds, sequence: sequence)
  }
  package var description: String { "\(milliseconds)-\(sequence)" }
  package static func < (left: StreamID, right: StreamID) -> Bool {
    (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
  }
}

/// One append-only line of the books, as the scripts write it to a usage stream.
package struct LedgerEntry: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// A final consumption: check in mode `spend`.
    case spend
    /// Reported after the fact: `POST /v1/usage`.
    case usage
    /// A hold was made, or changed by `extend`: consumes nothing (``tokens`` is 0).
    case reserve, extend
    /// A hold was resolved: ``tokens`` is what was used.
    case settle, release
    /// A hold's time passed: ``tokens`` is what was charged (0 for `on_expire: release`).
    case expire
    /// A settle after expiry: ``tokens`` is the correction, of either sign.
    case correct
    /// A calendar period began (or its grant's amount changed): makes or changes the grant row.
    case period
    /// Debt was forgiven, carried or paid by a new grant: ``tokens`` is 0.
    case balance
    /// A budget's use crossed a threshold: ``tokens`` is 0.
    case threshold
  }
  /// Whose accounts the entry moves. Expiry is booked per account, everything else at once.
  package enum Side: String, Sendable, CaseIterable {
    case both = "b"
    case user = "u"
    case tenant = "t"
  }

  package var bucket: Int
  package var id: StreamID
  package var kind: Kind
  package var side: Side
  /// Unique per operation; of a settle, release, expire or correction, derived from the hold's id.
  package var operation: String
  /// Empty on an entry of the tenant's side alone.
  package var user: String
  package var tenant: String?
  package var feature: String
  /// What this entry adds to the user's consumption.
  package var tokens: Int64
  package var userAllocations: [Allocation]
  package var userDebt: Int64
  package var tenantAllocations: [Allocation]
  package var tenantDebt: Int64
  package var hold: HoldRecord?
  /// Of kind ``Kind/period``: the grant that began.
  package var grant: Grant?
  /// Of kind ``Kind/threshold``: what was crossed.
  package var crossing: ThresholdCrossing?
  /// Limits in shadow mode that would have refused it; empty where none would.
  package var shadowed: ShadowedLimits
  /// When the caller says that it happened; nil: when it was told.
  package var occurredAt: Instant?
  /// `completed`, `client_disconnect`, `upstream_error`, or nil.
  package var outcome: String?
  /// The caller's JSON object, as it was sent.
  package var metadata: String?

  package init(
    bucket: Int, id: StreamID, kind: Kind, side: Side = .both, operation: String, user: String,
    tenant: String? = nil, feature: String, tokens: Int64, userAllocations: [Allocation] = [],
    userDebt: Int64 = 0, tenantAllocations: [Allocation] = [], tenantDebt: Int64 = 0,
    hold: HoldRecord? = nil, grant: Grant? = nil, crossing: ThresholdCrossing? = nil,
    shadowed: ShadowedLimits = [], occurredAt: Instant? = nil, outcome: String? = nil,
    metadata: String? = nil
  ) {
    self.bucket = bucket
    self.id = id
    self.kind = kind
    self.side = side
    self.operation = operation
    self.user = user
    self.tenant = tenant
    self.feature = feature
    self.tokens = tokens
    self.userAllocations = userAllocations
    self.userDebt = userDebt
    self.tenantAllocations = tenantAllocations
    self.tenantDebt = tenantDebt
    self.hold = hold
    self.grant = grant
    self.crossing = crossing
    self.shadowed = shadowed
    self.occurredAt = occurredAt
    self.outcome = outcome
    self.metadata = metadata
  }
}

/// A hold (a reservation), as Redis keeps it and the books mirror it.
package struct HoldRecord: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable { case open, settled, released, expired }
  /// `rsv_…`.
  package var id: String
  package var user: String
  package var tenant: String?
  package var feature: String
  package var tokens: Int64
  package var expiresAt: Instant
  package var createdAt: Instant
  package var onExpire: Feature.Expiry
  /// Which grants the tokens are held on.
  package var userAllocations: [Allocation]
  package var tenantAllocations: [Allocation]
  /// Start of the period that it was made in, of each account that it draws on: its tokens never touch
  /// another period. nil: it doesn't draw on that account; 1970 where the account had no period.
  package var userPeriodStart: Instant?
  package var tenantPeriodStart: Instant?
  /// What the client said it had used so far: charged instead of the whole if the hold expires.
  package var reported: Int64?
  /// It takes one of its feature's own concurrent slots.
  package var takesFeatureSlot: Bool
  /// What it settles at counts for the user's estimate of the feature's cost.
  package var feedsEstimate: Bool
  /// Of the user's side; the pool's may expire later.
  package var state: State
  /// What was booked for it in all (a late correction counted in), once it is no longer open.
  package var settledTokens: Int64?

  package init(
    id: String, user: String, tenant: String? = nil, feature: String, tokens: Int64, expiresAt: Instant,
    createdAt: Instant, onExpire: Feature.Expiry = .charge, userAllocations: [Allocation] = [],
    tenantAllocations: [Allocation] = [], userPeriodStart: Instant? = nil, tenantPeriodStart: Instant? = nil,
    reported: Int64? = nil, takesFeatureSlot: Bool = false, feedsEstimate: Bool = false,
    state: State = .open, settledTokens: Int64? = nil
  ) {
    self.id = id
    self.user = user
    self.tenant = tenant
    self.feature = feature
    self.tokens = tokens
    self.expiresAt = expiresAt
    self.createdAt = createdAt
    self.onExpire = onExpire
    self.userAllocations = userAllocations
    self.tenantAllocations = tenantAllocations
    self.userPeriodStart = userPeriodStart
    self.tenantPeriodStart = tenantPeriodStart
    self.reported = reported
    self.takesFeatureSlot = takesFeatureSlot
    self.feedsEstimate = feedsEstimate
    self.state = state
    self.settledTokens = settledTokens
  }
}
