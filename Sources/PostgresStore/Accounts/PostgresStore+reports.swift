package import Gate

/// The books and the audit log, read.
extension PostgresStore {
  /// Newest first.
  package func ledger(
    _ filter: LedgerFilter, _ page: PageRequest
  ) async throws(StoreError) -> Page<LedgerLine> {
    let after = try Cursor.decode(page.cursor, count: 5)
    let place = try after.map { parts throws(StoreError) in
      try Cursor.decodeNumbers(Cursor.encode(Array(parts.prefix(4))), count: 4) ?? []
    }
    // Up to the year 9999, as times of the API are.
    if let place, !(0..<253_402_300_800_000).contains(place[0]) {
      throw .invalid(field: "cursor", message: "is not a cursor of this list")
    }
    // `at <= $4` alone tells the planner which months lie past the cursor.
    let rows = try await pool.list(
      """
      SELECT at, epoch, bucket, stream_ms, stream_seq, side, operation_id, user_id, tenant_id, feature,
        tokens, kind, outcome, hold_id, metadata, occurred_at
      FROM ledger
      WHERE \(filter.account.kind == .user ? "user_id" : "tenant_id") = $1 AND side <> 't'
        AND (kind IN ('spend', 'usage', 'settle', 'correct') OR kind = 'expire' AND tokens <> 0)
        AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
        AND ($4::timestamptz IS NULL OR at <= $4)
        AND ($8::text IS NULL OR (at, epoch, bucket, stream_seq, side) < ($4, $5, $6, $7, $8))
      ORDER BY at DESC, epoch DESC, bucket DESC, stream_seq DESC, side DESC LIMIT $9
      """,
      [
        .text(filter.account.id), .instant(orNull: filter.from), .instant(orNull: filter.to),
        .instant(orNull: place.map { Instant(milliseconds: $0[0]) }), .int(orNull: place?[1]),
        .int(orNull: place?[2]), .int(orNull: place?[3]), .text(orNull: after?[4]), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.line) { row in
      ["stream_ms", "epoch", "bucket", "stream_seq", "side"].map { row.string($0) ?? "" }
    }
  }

  /// From the hourly sums: a first hour that is begun counts whole. Days and months are of UTC, so that the whole
  /// days between are read as such.
  package func usage(_ filter: UsageFilter) async throws(StoreError) -> [UsagePoint] {
    let days = filter.interval == .hour ? filter.to..<filter.to : filter.wholeDays
    let feature = filter.byFeature ? "feature" : "NULL"
    let rows = try await pool.list(
      """
      SELECT date_trunc($5, start, 'UTC') AS start, \(feature) AS feature, sum(tokens)::bigint AS tokens,
        sum(entries)::bigint AS entries
      FROM (
        SELECT hour AS start, feature, tokens, entries FROM ledger_hourly
        WHERE account_kind = $1 AND account_id = $2
          AND hour >= date_trunc('hour', $3, 'UTC') AND hour < least($4, $6)
        UNION ALL
        SELECT day, feature, tokens, entries FROM ledger_daily
        WHERE account_kind = $1 AND account_id = $2 AND day >= $6 AND day < $7
        UNION ALL
        SELECT hour, feature, tokens, entries FROM ledger_hourly
        WHERE account_kind = $1 AND account_id = $2 AND hour >= $7 AND hour < $4) AS used
      GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10000
      """,
      filter.account.parameters + [
        .instant(filter.from), .instant(filter.to), .text(filter.interval.rawValue),
        .instant(days.lowerBound), .instant(days.upperBound),
      ])
    return try rows.map { row throws(StoreError) in
      UsagePoint(
        start: try row.need("start", PostgresRow.instant), feature: row.string("feature"),
        tokens: try row.need("tokens", PostgresRow.int), entries: try row.need("entries", PostgresRow.int))
    }
  }

  /// From the hourly sums, as ``usage(_:)``.
  package func shadowedUse(_ filter: ShadowFilter) async throws(StoreError) -> [ShadowedUse] {
    let rows = try await pool.list(
      """
      SELECT date_trunc($3, hour, 'UTC') AS start, feature, limit_name, sum(entries)::bigint AS entries,
        sum(tokens)::bigint AS tokens, count(DISTINCT user_id) AS users
      FROM shadow_hourly
      WHERE hour >= date_trunc('hour', $1, 'UTC') AND hour < $2 AND ($4::text IS NULL OR feature = $4)
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 10000
      """,
      [
        .instant(filter.from), .instant(filter.to), .text(filter.interval.rawValue),
        .text(orNull: filter.feature),
      ])
    return try rows.map { row throws(StoreError) in
      ShadowedUse(
        start: try row.need("start", PostgresRow.instant),
        feature: try row.need("feature", PostgresRow.string),
        limit: try row.need("limit_name", PostgresRow.string),
        entries: try row.need("entries", PostgresRow.int), tokens: try row.need("tokens", PostgresRow.int),
        users: try row.need("users", PostgresRow.int))
    }
  }

  /// Newest first. An action that ends in a dot takes all that begin with it: `token.`.
  package func audit(
    _ filter: AuditFilter, _ page: PageRequest
  ) async throws(StoreError) -> Page<AuditEntry> {
    let after = try Cursor.decodeNumbers(page.cursor, count: 2)
    let isPrefix = filter.action?.hasSuffix(".") ?? false
    let rows = try await pool.list(
      """
      SELECT id, at, actor, action, subject, before, after, reason,
        (extract(epoch FROM at) * 1000000)::bigint AS at_us
      FROM audit_log
      WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR action = $2)
        AND ($3::text IS NULL OR action ~>=~ $3 AND action ~<~ $4) AND ($5::text IS NULL OR subject = $5)
        AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
        AND ($9::bigint IS NULL OR (at, id) < (to_timestamp(0) + $8 * interval '1 microsecond', $9))
      ORDER BY at DESC, id DESC LIMIT $10
      """,
      [
        .text(orNull: filter.actor), .text(orNull: isPrefix ? nil : filter.action),
        .text(orNull: isPrefix ? filter.action : nil),
        .text(orNull: isPrefix ? filter.action.map(SearchPattern.end(ofPrefix:)) : nil),
        .text(orNull: filter.subject), .instant(orNull: filter.from), .instant(orNull: filter.to),
        try Self.microseconds(after.map { String($0[0]) }), .int(orNull: after?[1]), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.auditEntry) { [$0.string("at_us") ?? "", $0.string("id") ?? ""] }
  }

  private static func line(_ row: PostgresRow) throws(StoreError) -> LedgerLine {
    LedgerLine(
      operation: try row.need("operation_id", PostgresRow.string),
      at: try row.need("at", PostgresRow.instant), user: row.string("user_id") ?? "",
      tenant: row.string("tenant_id"), feature: try row.need("feature", PostgresRow.string),
      tokens: try row.need("tokens", PostgresRow.int), kind: try row.need("kind", PostgresRow.string),
      outcome: row.string("outcome"), reservation: row.string("hold_id"), metadata: row.string("metadata"),
      occurredAt: row.instant("occurred_at"))
  }

  private static func auditEntry(_ row: PostgresRow) throws(StoreError) -> AuditEntry {
    AuditEntry(
      id: try row.need("id", PostgresRow.int), at: try row.need("at", PostgresRow.instant),
      actor: try row.need("actor", PostgresRow.string), action: try row.need("action", PostgresRow.string),
      subject: try row.need("subject", PostgresRow.string), before: row.string("before"),
      after: row.string("after"), reason: row.string("reason"))
  }
}

extension UsageFilter {
  /// The UTC days that lie in it whole; without any, an empty range at its end.
  fileprivate var wholeDays: Range<Instant> {
    let day: Int64 = 86_400_000
    func floor(_ value: Int64, _ unit: Int64) -> Int64 { value - ((value % unit) + unit) % unit }
    let first = floor(floor(from.milliseconds, 3_600_000) + day - 1, day)
    let last = floor(to.milliseconds, day)
    return first < last ? Instant(milliseconds: first)..<Instant(milliseconds: last) : to..<to
  }
}
