extension Comparison {
  mutating func compareGrants(_ account: CountersView.Account, isLast: Bool) {
    let live = account.grants.filter { !isOver($0.expiresAt) }
    let rows = Dictionary(books.grants.map { ($0.grant.reference, $0) }, uniquingKeysWith: { $1 })
    for grant in live {
      guard let row = rows[grant.reference] else {
        note(.grantUnknown, grant.reference.description, redis: grant.tokens)
        continue
      }
      // Its amounts are of a moment to come.
      if row.isDefinedLater, !isLast {
        noteMoved()
        continue
      }
      compare(grant, row)
    }
    let known = Set(live.map(\.reference))
    for row in expected(live) where !known.contains(row.grant.reference) {
      // Made after the moment, and nothing was used of it yet.
      if row.isDefinedLater, row.usedThen == 0 { continue }
      note(.grantMissing, row.grant.reference.description, books: row.grant.tokens)
    }
  }

  private mutating func compare(_ grant: CountersView.HeldGrant, _ row: BooksView.BookedGrant) {
    let name = grant.reference.description
    // What a reset or a payment replaced is revoked in the books, and kept in Redis for what was used of it.
    if row.isRevoked, grant.reference.series == .granted {
      return note(.grantUnknown, name, redis: grant.tokens)
    }
    if grant.used != row.usedThen { note(.grantUsed, name, redis: grant.used, books: row.usedThen) }
    guard grant.role != .superseded else { return }
    // A grant is never worth less than what is used and held of it.
    let least = row.usedThen + grant.held
    if grant.tokens != row.grant.tokens, grant.tokens != max(row.grant.tokens, least) {
      note(.grantTokens, name, redis: grant.tokens, books: row.grant.tokens)
    }
    if grant.expiresAt != row.grant.expiresAt {
      note(
        .grantExpiry, name, redis: grant.expiresAt?.milliseconds, books: row.grant.expiresAt?.milliseconds)
    }
  }

  /// The rows that Redis has to have: of the periods that were paid or set the last one alone, and that only until
  /// a calendar period follows it.
  private func expected(_ live: [CountersView.HeldGrant]) -> [BooksView.BookedGrant] {
    let rows = books.grants.filter { !$0.isRevoked && !isOver($0.grant.expiresAt) }
    guard rows.count <= Limits.liveGrantsMax else { return [] }
    func order(_ start: Instant?, _ number: Int64) -> (Int64, Int64) { (start?.milliseconds ?? 0, number) }
    let periods = rows.filter { $0.grant.kind == .period && $0.grant.reference.series == .granted }
    let newest = periods.max {
      order($0.grant.periodStart, $0.grant.reference.number)
        < order($1.grant.periodStart, $1.grant.reference.number)
    }
    let calendar = live.filter { $0.role == .calendar }.map(\.start.milliseconds).max()
    return rows.filter { row in
      guard row.grant.kind == .period, row.grant.reference.series == .granted else { return true }
      guard row.grant.reference == newest?.grant.reference else { return false }
      return calendar.map { $0 <= row.grant.periodStart?.milliseconds ?? 0 } ?? true
    }
  }
}
