package import Gate

extension PostgresStore: BooksInspecting {
  package func place(of account: AccountID) async throws(StoreError) -> AccountPlace? {
    let table = account.kind == .user ? "users" : "(SELECT id, NULL AS tenant_id FROM tenants)"
    let rows = try await pool.query("SELECT tenant_id FROM \(table) AS a WHERE id = $1", [.text(account.id)])
    return rows.first.map { AccountPlace(account, tenant: $0.string("tenant_id")) }
  }

  package func places(after: AccountID?, limit: Int) async throws(StoreError) -> [AccountPlace] {
    if after?.kind != .tenant {
      let rows = try await pool.query(
        "SELECT id, tenant_id FROM users WHERE id > $1 ORDER BY id LIMIT $2",
        [.text(after?.id ?? ""), .int(Int64(limit))])
      if rows.count > 0 {
        return try rows.map { row throws(StoreError) in
          AccountPlace(.user(try row.need("id", PostgresRow.string)), tenant: row.string("tenant_id"))
        }
      }
    }
    let rows = try await pool.query(
      "SELECT id FROM tenants WHERE id > $1 ORDER BY id LIMIT $2",
      [.text(after?.kind == .tenant ? after?.id ?? "" : ""), .int(Int64(limit))])
    return try rows.map { row throws(StoreError) in
      AccountPlace(.tenant(try row.need("id", PostgresRow.string)))
    }
  }

  package func inspect(_ counters: CountersView, deep: Bool) async throws(StoreError) -> BooksView? {
    let moment = counters.moment
    let rows = try await pool.query(
      BooksInspectionSQL.statement(counters.id.kind, deep: deep),
      counters.id.parameters + [
        .int(Int64(counters.bucket)), .int(moment.milliseconds), .int(moment.sequence),
        .instant(counters.now), .textArray(counters.account?.grants.map(\.reference.bookedName) ?? []),
        .textArray(counters.holds.map(\.id)), .intArray(counters.holds.map(\.createdAt.milliseconds)),
      ])
    guard let head = rows.first, head.string("part") == "account" else { return nil }
    let debt = try head.need("n2", PostgresRow.int)
    var view = BooksView(
      version: try head.need("n1", PostgresRow.int), tenant: head.string("s1"),
      isChanging: head.bool("b1") ?? false, debt: debt,
      debtThen: debt - (try head.need("n3", PostgresRow.int)), enteredDebt: head.int("n4"),
      mayRestBeOld: head.bool("b2") ?? false)
    for index in 1..<max(1, rows.count) {
      let row = rows[index]
      switch row.string("part") {
      case "grant": view.grants.append(try Self.bookedGrant(row))
      case "hold": view.holds.append(try Self.bookedHold(row, of: counters.id.kind))
      default: view.rollupGaps.append(try Self.gap(row))
      }
    }
    return view
  }

  private static func bookedGrant(_ row: PostgresRow) throws(StoreError) -> BooksView.BookedGrant {
    guard let series = row.string("s1").flatMap({ Grant.Reference.Series(rawValue: $0) }),
      let kind = row.string("s2").flatMap({ Grant.Kind(rawValue: $0) }),
      let priority = row.string("s5").flatMap({ Int64($0) })
    else { throw .internalError("a grant's series or kind is unreadable") }
    let used = try row.need("n3", PostgresRow.int)
    let grant = Grant(
      reference: Grant.Reference(series, try row.need("n1", PostgresRow.int)), kind: kind,
      tokens: try row.need("n2", PostgresRow.int), used: used, periodStart: row.instant("t1"),
      periodEnd: row.instant("t2"), expiresAt: row.instant("t3"), priority: priority,
      source: try row.need("s3", PostgresRow.string), createdAt: try row.need("t4", PostgresRow.instant))
    return BooksView.BookedGrant(
      grant: grant, usedThen: used - (try row.need("n4", PostgresRow.int)),
      isRevoked: row.bool("b1") ?? false, isDefinedLater: row.bool("b2") ?? false,
      entered: row.string("s4").flatMap { Int64($0) })
  }

  private static func bookedHold(
    _ row: PostgresRow, of kind: AccountID.Kind
  ) throws(StoreError) -> BooksView.BookedHold {
    let id = try row.need("s1", PostgresRow.string)
    var record: HoldRecord?
    if let state = row.string("s5").flatMap({ HoldRecord.State(rawValue: $0) }) {
      let own = try allocations(row, "a1", "a2")
      record = HoldRecord(
        id: id, user: try row.need("s2", PostgresRow.string), tenant: row.string("s3"),
        feature: try row.need("s4", PostgresRow.string), tokens: try row.need("n1", PostgresRow.int),
        expiresAt: try row.need("t1", PostgresRow.instant),
        createdAt: try row.need("t2", PostgresRow.instant),
        userAllocations: kind == .user ? own : [], tenantAllocations: kind == .tenant ? own : [],
        reported: row.int("n2"), state: state)
    }
    let ending: HoldRecord.State? =
      switch row.string("s6") {
      case "release": .released
      case "expire": .expired
      case "settle", "correct": .settled
      default: nil
      }
    return BooksView.BookedHold(
      id: id, record: record, isChangedLater: row.bool("b1") ?? false, wasMade: row.bool("b2") ?? false,
      ending: ending)
  }

  private static func gap(_ row: PostgresRow) throws(StoreError) -> BooksView.RollupGap {
    BooksView.RollupGap(
      start: try row.need("t1", PostgresRow.instant), isDay: row.string("s2") == "day",
      feature: try row.need("s1", PostgresRow.string),
      rolledTokens: try row.need("n1", PostgresRow.int), enteredTokens: try row.need("n2", PostgresRow.int),
      rolledEntries: try row.need("n3", PostgresRow.int),
      enteredEntries: try row.need("n4", PostgresRow.int))
  }
}
