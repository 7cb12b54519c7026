package import Gate

/// What was decided in some time, as it is kept: counters that are not zero.
package struct DecisionRow: Sendable, Equatable {
  /// By `route.outcome`.
  package var decisions: [String: UInt64]
  /// By the number of the histogram's bucket.
  package var latencies: [Int: UInt64]
  /// Refusals by user.
  package var denied: [String: UInt64]

  package init(
    decisions: [String: UInt64] = [:], latencies: [Int: UInt64] = [:], denied: [String: UInt64] = [:]
  ) {
    self.decisions = decisions
    self.latencies = latencies
    self.denied = denied
  }
}

/// Which minutes are summed up.
package struct DecisionWindow: Sendable, Equatable {
  package var from: Instant
  /// Exclusive.
  package var to: Instant
  /// Seconds that one sum is of; a multiple of 60.
  package var stepSeconds: Int64
  /// Minutes of a gate that are left out, for they are known better.
  package var gate: String
  package var minutes: [Instant]

  package init(from: Instant, to: Instant, stepSeconds: Int64, gate: String, without minutes: [Instant]) {
    self.from = from
    self.to = to
    self.stepSeconds = stepSeconds
    self.gate = gate
    self.minutes = minutes
  }
}

extension PostgresStore {
  /// Writes a gate's minute, in the place of what was written of it before.
  package func writeDecisions(
    gate: String, minute: Instant, _ row: DecisionRow
  ) async throws(StoreError) {
    _ = try await pool.query(
      """
      WITH stale AS (
        DELETE FROM decision_sums WHERE (span_s, start) IN (
          SELECT s, date_bin(s * interval '1 second', $1, to_timestamp(0)) FROM unnest('{300,3600}'::bigint[]) AS s))
      INSERT INTO decision_minutes (minute, gate, decisions, latencies, denied) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (minute, gate) DO UPDATE SET decisions = excluded.decisions, latencies = excluded.latencies,
        denied = excluded.denied, seen_at = now()
      """,
      [
        .instant(minute), .text(gate), .json(Self.counters(row.decisions)),
        .json(Self.counters(row.latencies)), .json(Self.counters(row.denied)),
      ])
  }

  /// The window's sums by the start of their step; refusals by user are of the whole window, the most of them, under
  /// its start.
  package func decisions(_ window: DecisionWindow) async throws(StoreError) -> [Instant: DecisionRow] {
    let rows = try await pool.list(
      """
      WITH sums AS MATERIALIZED (
        SELECT span_s, start, decisions, latencies, denied FROM decision_sums s
        WHERE span_s <= $6 AND start >= $1 AND start + span_s * interval '1 second' <= $2 AND NOT EXISTS (
          SELECT FROM unnest($5::timestamptz[]) AS own (minute)
          WHERE own.minute >= start AND own.minute < start + span_s * interval '1 second')),
      picked AS (
        SELECT start AS minute, decisions, latencies, denied FROM sums WHERE span_s = 3600
        UNION ALL
        SELECT start, decisions, latencies, denied FROM sums f WHERE span_s = 300 AND NOT EXISTS (
          SELECT FROM sums h WHERE h.span_s = 3600 AND h.start = date_trunc('hour', f.start, 'UTC'))
        UNION ALL
        SELECT minute, decisions, latencies, denied FROM decision_minutes m
        WHERE minute >= $1 AND minute < $2 AND NOT (gate = $4 AND minute = ANY ($5::timestamptz[]))
          AND NOT EXISTS (
            SELECT FROM sums f
            WHERE f.span_s = 300 AND f.start = date_bin('5 minutes', m.minute, to_timestamp(0)))
          AND NOT EXISTS (
            SELECT FROM sums h WHERE h.span_s = 3600 AND h.start = date_trunc('hour', m.minute, 'UTC'))),
      chosen AS MATERIALIZED (
        SELECT date_bin($3 * interval '1 second', minute, to_timestamp(0)) AS start, decisions, latencies, denied
        FROM picked)
      SELECT 'decision' AS part, start, e.key, sum(e.value::bigint)::bigint AS n
      FROM chosen, jsonb_each_text(decisions) AS e GROUP BY 2, 3
      UNION ALL
      SELECT 'latency', start, e.key, sum(e.value::bigint)::bigint
      FROM chosen, jsonb_each_text(latencies) AS e GROUP BY 2, 3
      UNION ALL
      SELECT * FROM (
        SELECT 'denied', $1::timestamptz, e.key, sum(e.value::bigint)::bigint
        FROM chosen, jsonb_each_text(denied) AS e GROUP BY 3 ORDER BY 4 DESC LIMIT 200) AS most
      """,
      [
        .instant(window.from), .instant(window.to), .int(window.stepSeconds), .text(window.gate),
        .textArray(window.minutes.map(\.rfc3339)),
        .int(window.stepSeconds % 3600 == 0 ? 3600 : window.stepSeconds % 300 == 0 ? 300 : 0),
      ])
    var sums: [Instant: DecisionRow] = [:]
    for index in 0..<rows.count {
      let row = rows[index]
      let start = try row.need("start", PostgresRow.instant)
      let key = try row.need("key", PostgresRow.string)
      let count = UInt64(clamping: try row.need("n", PostgresRow.int))
      switch row.string("part") {
      case "decision": sums[start, default: DecisionRow()].decisions[key] = count
      case "latency":
        if let bucket = Int(key) { sums[start, default: DecisionRow()].latencies[bucket] = count }
      default: sums[start, default: DecisionRow()].denied[key] = count
      }
    }
    return sums
  }

  /// Sums up what gates have written, for long windows; how many sums were missing, at most so many. To be called
  /// again and again, by any gate.
  @discardableResult
  package func sumUpDecisions(sumsMax: Int64 = 50) async throws(StoreError) -> Int64 {
    try await pool.query("SELECT sum_up_decisions($1) AS n", [.int(sumsMax)]).int(0, "n") ?? 0
  }

  /// Gates that were heard of in the last so many seconds.
  package func gatesAlive(withinSeconds seconds: Int64) async throws(StoreError) -> [String] {
    let rows = try await pool.query(
      """
      SELECT DISTINCT gate FROM decision_minutes
      WHERE minute > now() - interval '5 minutes' AND seen_at > now() - $1 * interval '1 second' AND gate <> ''
      ORDER BY gate
      """, [.int(seconds)])
    return try rows.map { row throws(StoreError) in try row.need("gate", PostgresRow.string) }
  }

  /// Users with the most tokens booked since the hour that `from` is in: from the hourly sums up to the first whole
  /// day, and from the daily ones from then on.
  package func topUsers(from: Instant, limit: Int) async throws(StoreError) -> [(user: String, tokens: Int64)]
  {
    let (hour, day): (Int64, Int64) = (3_600_000, 86_400_000)
    let first = from.milliseconds / hour * hour
    let firstDay = Instant(milliseconds: (first + day - 1) / day * day)
    let rows = try await pool.list(
      """
      SELECT account_id, sum(tokens)::bigint AS tokens FROM (
        SELECT account_id, tokens FROM ledger_hourly
        WHERE account_kind = 'user' AND hour >= $1 AND hour < $2
        UNION ALL
        SELECT account_id, tokens FROM ledger_daily WHERE account_kind = 'user' AND day >= $2) AS used
      GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $3
      """, [.instant(Instant(milliseconds: first)), .instant(firstDay), .int(Int64(limit))])
    return try rows.map { row throws(StoreError) in
      (try row.need("account_id", PostgresRow.string), try row.need("tokens", PostgresRow.int))
    }
  }

  /// What waits between Postgres and the rest: changes for Redis, and Stripe's events.
  package func backlogs() async throws(StoreError) -> Backlogs {
    let rows = try await pool.query(
      """
      SELECT (SELECT count(*) FROM outbox WHERE applied_at IS NULL) AS outbox,
        (SELECT (extract(epoch FROM now() - min(created_at)) * 1000)::bigint FROM outbox WHERE applied_at IS NULL)
          AS outbox_age,
        (SELECT count(*) FROM webhook_events_processed WHERE status = 'unmatched') AS unmatched,
        (SELECT count(*) FROM webhook_events_processed WHERE status = 'failed') AS failed
      """)
    guard let row = rows.first else { throw .internalError("no backlogs") }
    return Backlogs(
      outboxRows: try row.need("outbox", PostgresRow.int), outboxAgeMilliseconds: row.int("outbox_age") ?? 0,
      unmatchedEvents: try row.need("unmatched", PostgresRow.int),
      failedEvents: try row.need("failed", PostgresRow.int))
  }

  /// Minutes older than two days become hours of all gates together; hours go after `keepingDays`.
  package func foldDecisions(keepingDays days: Int64) async throws(StoreError) {
    _ = try await pool.query(
      """
      WITH old AS (
        DELETE FROM decision_minutes
        WHERE span_s = 60 AND minute < date_trunc('hour', now() - interval '2 days', 'UTC')
        RETURNING date_trunc('hour', minute, 'UTC') AS hour, decisions, latencies, denied),
      part AS (
        SELECT hour, 1 AS field, e.key, sum(e.value::bigint)::bigint AS n
        FROM old, jsonb_each_text(decisions) AS e GROUP BY 1, 3
        UNION ALL
        SELECT hour, 2, e.key, sum(e.value::bigint)::bigint FROM old, jsonb_each_text(latencies) AS e GROUP BY 1, 3
        UNION ALL
        SELECT hour, 3, key, n FROM (
          SELECT hour, e.key, sum(e.value::bigint)::bigint AS n,
            row_number() OVER (PARTITION BY hour ORDER BY sum(e.value::bigint) DESC) AS place
          FROM old, jsonb_each_text(denied) AS e GROUP BY 1, 2) AS most WHERE place <= 100)
      INSERT INTO decision_minutes AS d (minute, gate, span_s, decisions, latencies, denied)
      SELECT hour, '', 3600, coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 1), '{}'),
        coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 2), '{}'),
        coalesce(jsonb_object_agg(key, n) FILTER (WHERE field = 3), '{}')
      FROM part GROUP BY hour
      ON CONFLICT (minute, gate) DO NOTHING
      """)
    _ = try await pool.query(
      "DELETE FROM decision_minutes WHERE minute < now() - $1 * interval '1 day'", [.int(days)])
    _ = try await pool.query(
      """
      DELETE FROM decision_sums
      WHERE start < now() - CASE span_s WHEN 300 THEN 3 ELSE $1 END * interval '1 day'
      """, [.int(days)])
  }

  private static func counters(_ counts: [some CustomStringConvertible: UInt64]) -> String {
    var json = JSONText()
    json.raw("{")
    for (index, entry) in counts.enumerated() {
      if index > 0 { json.raw(",") }
      json.string(entry.key.description)
      json.raw(":")
      json.number(Int64(clamping: entry.value))
    }
    json.raw("}")
    return json.text
  }
}

/// What waits to be carried from Postgres, or to be understood by it.
package struct Backlogs: Sendable, Equatable {
  /// Changes that Redis has not learnt of, and the age of the oldest.
  package var outboxRows: Int64
  package var outboxAgeMilliseconds: Int64
  /// Stripe's events that found no account, and that failed.
  package var unmatchedEvents: Int64
  package var failedEvents: Int64
}
