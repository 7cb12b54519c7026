/// An account as Postgres had it at one moment, with what was booked later than a given entry taken off: the other
/// side of a reconciliation.
package struct BooksView: Sendable, Equatable {
  /// A row of `grants`.
  package struct BookedGrant: Sendable, Equatable {
    package var grant: Grant
    /// What the row says was used, less what entries after the moment took.
    package var usedThen: Int64
    package var isRevoked: Bool
    /// A calendar or rollover grant whose amounts are of an entry after the moment, or of none yet.
    package var isDefinedLater: Bool
    /// The sum of the ledger's allocations, to be compared with ``Grant/used``; nil when it was not asked for.
    package var entered: Int64?

    package init(
      grant: Grant, usedThen: Int64, isRevoked: Bool, isDefinedLater: Bool, entered: Int64? = nil
    ) {
      self.grant = grant
      self.usedThen = usedThen
      self.isRevoked = isRevoked
      self.isDefinedLater = isDefinedLater
      self.entered = entered
    }
  }

  /// A hold that the books have as open, or that Redis has.
  package struct BookedHold: Sendable, Equatable {
    package var id: String
    /// The row, whose state is that of this account's side: open, or any other; nil when there is none.
    package var record: HoldRecord?
    /// Entries after the moment have changed it, or it doesn't matter any more.
    package var isChangedLater: Bool
    /// The ledger has the entry that made it.
    package var wasMade: Bool
    /// What the ledger says became of it; nil: nothing yet.
    package var ending: HoldRecord.State?

    package init(
      id: String, record: HoldRecord?, isChangedLater: Bool, wasMade: Bool, ending: HoldRecord.State?
    ) {
      self.id = id
      self.record = record
      self.isChangedLater = isChangedLater
      self.wasMade = wasMade
      self.ending = ending
    }
  }

  /// An hour or a UTC day of a feature whose rollup is not the sum of its entries.
  package struct RollupGap: Sendable, Equatable {
    package var start: Instant
    package var isDay: Bool
    package var feature: String
    package var rolledTokens: Int64
    package var enteredTokens: Int64
    package var rolledEntries: Int64
    package var enteredEntries: Int64

    package init(
      start: Instant, isDay: Bool = false, feature: String, rolledTokens: Int64, enteredTokens: Int64,
      rolledEntries: Int64, enteredEntries: Int64
    ) {
      self.start = start
      self.isDay = isDay
      self.feature = feature
      self.rolledTokens = rolledTokens
      self.enteredTokens = enteredTokens
      self.rolledEntries = rolledEntries
      self.enteredEntries = enteredEntries
    }
  }

  package var version: Int64
  package var tenant: String?
  /// The outbox has a change of the account that Redis may not know yet.
  package var isChanging: Bool
  /// As the table says, and less what entries after the moment made.
  package var debt: Int64
  package var debtThen: Int64
  /// The ledger's sum; nil when it was not asked for.
  package var enteredDebt: Int64?
  package var grants: [BookedGrant]
  package var holds: [BookedHold]
  package var rollupGaps: [RollupGap]
  /// The last entry of the account up to the moment is the resolution of a hold by the clock, or moved the pool
  /// alone: such an entry doesn't tell the readable rest anew.
  package var mayRestBeOld: Bool

  package init(
    version: Int64, tenant: String? = nil, isChanging: Bool = false, debt: Int64 = 0, debtThen: Int64 = 0,
    enteredDebt: Int64? = nil, grants: [BookedGrant] = [], holds: [BookedHold] = [],
    rollupGaps: [RollupGap] = [], mayRestBeOld: Bool = false
  ) {
    self.version = version
    self.tenant = tenant
    self.isChanging = isChanging
    self.debt = debt
    self.debtThen = debtThen
    self.enteredDebt = enteredDebt
    self.grants = grants
    self.holds = holds
    self.rollupGaps = rollupGaps
    self.mayRestBeOld = mayRestBeOld
  }
}
