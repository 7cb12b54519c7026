/// Compares the two views of one account. Both are of the same moment of its usage stream, so that what differs is
/// wrong, however fast it is spent from meanwhile.
package struct Comparison: Sendable, Equatable {
  /// Something that is not in the stream changed between the two views (a grant, a plan, a period that began): they
  /// have to be taken again.
  package private(set) var hasMoved = false
  package private(set) var differences: [Difference] = []

  let counters: CountersView
  let books: BooksView

  /// `comparesRest`: the readable rest is the account's own, not a pool's. `isLast`: what has moved counts as a
  /// difference, for it has been looked at again and again.
  package init(_ counters: CountersView, _ books: BooksView, comparesRest: Bool, isLast: Bool = false) {
    self.counters = counters
    self.books = books
    compareBooks()
    guard let account = counters.account else { return }
    if account.version != Double(books.version) {
      guard isLast else {
        hasMoved = true
        return
      }
      note(.version, redis: Int64(account.version), books: books.version)
      return
    }
    compareGrants(account, isLast: isLast)
    if account.debt != books.debtThen { note(.debt, redis: account.debt, books: books.debtThen) }
    if counters.holdsCount == Int64(counters.holds.count) { compareHolds(account) }
    if counters.id.kind == .user, comparesRest { compareRest(account) }
  }

  mutating func note(
    _ kind: Difference.Kind, _ name: String? = nil, redis: Int64? = nil, books: Int64? = nil,
    entries: Int64? = nil
  ) {
    differences.append(Difference(kind, name, redis: redis, books: books, entries: entries))
  }

  mutating func noteMoved() { hasMoved = true }

  func isOver(_ end: Instant?) -> Bool { end.map { $0 <= counters.now } ?? false }

  /// Tables and entries were read in one statement: they agree at every moment, or one of them is wrong.
  private mutating func compareBooks() {
    for row in books.grants {
      if let entered = row.entered, entered != row.grant.used {
        note(.bookedUsed, row.grant.reference.description, books: row.grant.used, entries: entered)
      }
    }
    if let entered = books.enteredDebt, entered != books.debt {
      note(.bookedDebt, books: books.debt, entries: entered)
    }
    for gap in books.rollupGaps {
      let name = "\(gap.isDay ? gap.start.rfc3339.prefix(10) : gap.start.rfc3339[...]) \(gap.feature)"
      if gap.rolledTokens != gap.enteredTokens {
        note(.rollupTokens, name, books: gap.rolledTokens, entries: gap.enteredTokens)
      }
      if gap.rolledEntries != gap.enteredEntries {
        note(.rollupEntries, name, books: gap.rolledEntries, entries: gap.enteredEntries)
      }
    }
  }

  /// The readable rest is written with what is spent, not with what the clock does: grants whose time has passed
  /// since are still in it.
  private mutating func compareRest(_ account: CountersView.Account) {
    func rest(_ grants: some Sequence<CountersView.HeldGrant>) -> Int64 {
      grants.filter { $0.role != .superseded }.reduce(0) { $0 + $1.tokens - $1.used - $1.held }
    }
    let now = rest(account.grants.filter { !isOver($0.expiresAt) })
    var possible = [now, rest(account.grants)]
    // The last one may be of a period that was over before, kept for what rolls over.
    if let last = account.grants.last, last.role == .calendar, isOver(last.expiresAt) {
      possible.append(rest(account.grants.dropLast()))
    }
    let stored = counters.readableRest.flatMap { Int64($0) }
    if let stored, possible.contains(stored) || books.mayRestBeOld { return }
    note(.readableRest, redis: stored, books: now)
  }
}
