package import Gate

extension PostgresStore: EventStore {
  private static let eventColumns = """
    e.number, e.id, e.type, e.account_kind, e.account_id, e.user_id, e.tenant_id, e.data, e.occurred_at,
    e.created_at, s.status
    """
  /// One failure is what an operator has to see first.
  private static let eventStatus = """
    LATERAL (
      SELECT CASE WHEN count(*) = 0 THEN 'unsent' WHEN bool_or(d.status = 'failed') THEN 'failed'
        WHEN bool_or(d.status = 'pending') THEN 'pending' ELSE 'delivered' END AS status
      FROM event_deliveries d WHERE d.event_number = e.number) AS s
    """

  /// As `eventStatus` has it, in a form that an index can find; $4 is the cursor, said of the deliveries too, for they
  /// may be what is read in order.
  private static func condition(_ status: EventRecord.Status?) -> String {
    func some(_ status: EventDelivery.Status) -> String {
      """
      EXISTS (SELECT FROM event_deliveries d WHERE d.event_number = e.number
        AND d.status = '\(status.rawValue)' AND ($4::bigint IS NULL OR d.event_number < $4))
      """
    }
    return switch status {
    case nil: "true"
    case .failed: some(.failed)
    case .pending: "\(some(.pending)) AND NOT \(some(.failed))"
    case .delivered: "\(some(.delivered)) AND NOT \(some(.pending)) AND NOT \(some(.failed))"
    case .unsent: "NOT e.is_sent"
    }
  }

  package func events(
    _ filter: EventFilter, _ page: PageRequest
  ) async throws(StoreError) -> Page<EventRecord> {
    let after = try Cursor.decodeNumbers(page.cursor, count: 1)
    let rows = try await pool.list(
      """
      SELECT \(Self.eventColumns) FROM events e, \(Self.eventStatus)
      WHERE ($1::text IS NULL OR e.type = $1) AND \(Self.condition(filter.status))
        AND ($2::text IS NULL OR (e.account_kind, e.account_id) = ($2, $3::text))
        AND ($4::bigint IS NULL OR e.number < $4)
      ORDER BY e.number DESC LIMIT $5
      """,
      [
        .text(orNull: filter.type), .text(orNull: filter.account?.kind.rawValue),
        .text(orNull: filter.account?.id), .int(orNull: after?[0]), page.rowsToRead,
      ])
    return try rows.page(page) { row throws(StoreError) in
      try Self.event(row)
    } key: {
      [$0.string("number") ?? ""]
    }
  }

  package func event(_ id: String) async throws(StoreError) -> EventRecord? {
    let rows = try await pool.query(
      "SELECT \(Self.eventColumns) FROM events e, \(Self.eventStatus) WHERE e.id = $1", [.text(id)])
    guard let row = rows.first else { return nil }
    var event = try Self.event(row)
    event.deliveries = try await pool.query(
      """
      SELECT target, status, attempts, next_attempt_at, last_attempt_at, last_status, last_error, delivered_at
      FROM event_deliveries WHERE event_number = $1 ORDER BY target
      """, [.int(try row.need("number", PostgresRow.int))]
    ).map(Self.delivery)
    return event
  }

  package func replayEvent(
    _ id: String, to targets: [String], actor: String
  ) async throws(StoreError) -> EventRecord? {
    let isKnown = try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      // An attempt that is under way loses its claim: what it comes to is no answer to the replay.
      let rows = try await transaction.query(
        """
        WITH event AS (SELECT number FROM events WHERE id = $1 FOR KEY SHARE),
        sends AS (
          INSERT INTO event_deliveries (event_number, target)
          SELECT number, target FROM event, unnest($2::text[]) AS target ORDER BY target
          ON CONFLICT (event_number, target) DO UPDATE SET status = 'pending', attempts = 0,
            pending_since = now(), next_attempt_at = now(), claim = NULL, leased_until = NULL,
            delivered_at = NULL)
        SELECT number FROM event
        """, [.text(id), .textArray(targets)])
      guard rows.count == 1 else { return false }
      var after = JSONText()
      after.raw("{")
      after.array("targets", targets) { $0.string($1) }
      after.closeObject()
      try await transaction.audit(actor, "event.replay", "event:\(id)", after: after.text)
      return true
    }
    return isKnown ? try await event(id) : nil
  }

  private static func event(_ row: PostgresRow) throws(StoreError) -> EventRecord {
    guard let kind = row.string("account_kind").flatMap({ AccountID.Kind(rawValue: $0) }),
      let status = row.string("status").flatMap({ EventRecord.Status(rawValue: $0) })
    else { throw .internalError("an event is unreadable") }
    return EventRecord(
      id: try row.need("id", PostgresRow.string), type: try row.need("type", PostgresRow.string),
      account: AccountID(kind, try row.need("account_id", PostgresRow.string)), user: row.string("user_id"),
      tenant: row.string("tenant_id"), data: try row.need("data", PostgresRow.string),
      occurredAt: try row.need("occurred_at", PostgresRow.instant),
      createdAt: try row.need("created_at", PostgresRow.instant), status: status)
  }

  private static func delivery(_ row: PostgresRow) throws(StoreError) -> EventDelivery {
    guard let status = row.string("status").flatMap({ EventDelivery.Status(rawValue: $0) }) else {
      throw .internalError("a delivery's status is unreadable")
    }
    return EventDelivery(
      target: try row.need("target", PostgresRow.string), status: status,
      attempts: try row.need("attempts", PostgresRow.int),
      nextAttemptAt: status == .pending ? row.instant("next_attempt_at") : nil,
      lastAttemptAt: row.instant("last_attempt_at"), lastStatus: row.int("last_status"),
      lastError: row.string("last_error"), deliveredAt: row.instant("delivered_at"))
  }
}
