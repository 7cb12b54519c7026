/// One thing about an account that Redis, the books' tables and the ledger's entries don't agree on.
package struct Difference: Sendable, Equatable {
  /// What it is; the words are stable.
  package enum Kind: String, Sendable, CaseIterable {
    /// Redis has missed a change of the account.
    case version
    /// The books have a grant that Redis doesn't, or the other way round (``name`` is the grant).
    case grantMissing = "grant_missing"
    case grantUnknown = "grant_unknown"
    case grantTokens = "grant_tokens"
    case grantUsed = "grant_used"
    case grantHeld = "grant_held"
    /// In milliseconds since 1970.
    case grantExpiry = "grant_expiry"
    case debt
    /// The number of open holds as the account has it.
    case openHolds = "open_holds"
    /// When the first of them expires, in milliseconds since 1970.
    case nextExpiry = "next_expiry"
    /// The books have a hold as open that Redis doesn't have, or the other way round.
    case holdMissing = "hold_missing"
    case holdUnknown = "hold_unknown"
    /// It is another amount, expiry or allocation.
    case holdChanged = "hold_changed"
    /// `chatbot-usage:<user>` is not what is left.
    case readableRest = "readable_rest"
    /// A row of `grants`, of `account_balances` or of `holds` is not what the ledger's entries come to.
    case bookedUsed = "booked_used"
    case bookedDebt = "booked_debt"
    case bookedHold = "booked_hold"
    /// A row of `ledger_hourly` or `ledger_daily` is not the sum of its entries (``name`` is its hour or day, and
    /// its feature).
    case rollupTokens = "rollup_tokens"
    case rollupEntries = "rollup_entries"
  }

  /// What has to be made anew to mend it.
  package enum Remedy: Sendable, Equatable {
    /// The account in Redis, from the books.
    case counters
    /// The readable rest, from the account.
    case readableRest
    /// Derived rows of the books, from the entries.
    case books
  }

  package var kind: Kind
  /// Which grant, hold, or hour; nil where there is but one.
  package var name: String?
  /// The number in Redis, in the tables, and as the entries come to; nil where there is none.
  package var redis: Int64?
  package var books: Int64?
  package var entries: Int64?

  package init(
    _ kind: Kind, _ name: String? = nil, redis: Int64? = nil, books: Int64? = nil, entries: Int64? = nil
  ) {
    self.kind = kind
    self.name = name
    self.redis = redis
    self.books = books
    self.entries = entries
  }

  package var remedy: Remedy {
    switch kind {
    case .bookedUsed, .bookedDebt, .bookedHold, .rollupTokens, .rollupEntries: .books
    case .readableRest: .readableRest
    default: .counters
    }
  }

  /// The same difference, though both sides have moved on by the same amount meanwhile.
  package func isSame(as other: Difference) -> Bool {
    guard kind == other.kind, name == other.name else { return false }
    // A change that was missed stays missed: a version that went on meanwhile is one that was only late.
    if kind == .version { return redis == other.redis }
    // The holds come and go: what counts is that these are still wrong.
    if kind == .nextExpiry || kind == .openHolds { return true }
    func gap(_ left: Int64?, _ right: Int64?) -> Int64? { left.flatMap { l in right.map { l - $0 } } }
    return gap(redis, books) == gap(other.redis, other.books)
      && gap(books, entries) == gap(other.books, other.entries)
  }
}
