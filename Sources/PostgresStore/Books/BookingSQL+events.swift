import Gate

extension BookingSQL {
  /// A crossing's part of the batch's columns, as ``BookingBatch`` writes it.
  static let crossingColumns = "cp bigint, cs bigint, cu bigint, cl bigint, cr bigint"

  /// A budget that crosses a threshold makes one event per period and per cent: the entry may come again under
  /// another stream id when Redis was rebuilt, and then the key is taken. The deliveries are made for the
  /// targets that are known now.
  static let events = """
    crossed AS (
      SELECT CASE side WHEN 't' THEN 'tenant' ELSE 'user' END AS account_kind,
        CASE side WHEN 't' THEN t ELSE u END AS account_id, entry.*,
        to_timestamp(0) + nullif(cs, 0) * interval '1 millisecond' AS period_start,
        to_timestamp(0) + cr * interval '1 millisecond' AS resets_at
      FROM entry WHERE kind = 'threshold' AND cp IS NOT NULL),
    new_events AS (
      INSERT INTO events (type, account_kind, account_id, user_id, tenant_id, data, occurred_at, dedupe_key,
        unique_until)
      SELECT '\(EventType.thresholdReached.rawValue)', account_kind, account_id, u, t, jsonb_build_object(
          'scope', account_kind, 'user', u, 'tenant', t,
          'plan', CASE account_kind WHEN 'user' THEN (SELECT plan FROM users WHERE id = account_id)
            ELSE (SELECT plan FROM tenants WHERE id = account_id) END,
          'percent', cp, 'used', cu, 'limit', cl, 'remaining', greatest(0, cl - cu),
          'period_start', \(rfc3339("period_start")), 'resets_at', \(rfc3339("resets_at"))),
        at, concat_ws(':', 'threshold', account_kind, account_id, cs, cp), coalesce(resets_at, 'infinity')
      FROM crossed WHERE account_id IS NOT NULL ORDER BY ms, seq, side
      ON CONFLICT (dedupe_key) DO NOTHING
      RETURNING number, type),
    sends AS (
      INSERT INTO event_deliveries (event_number, target)
      SELECT e.number, t.name FROM new_events AS e
      JOIN event_targets AS t ON t.types = '{}' OR e.type = ANY (t.types)
      ORDER BY e.number, t.name)
    """

  private static func rfc3339(_ time: String) -> String {
    "to_char(\(time) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
  }
}

extension BookingBatch {
  static func write(_ crossing: ThresholdCrossing, _ json: inout JSONText) {
    json.field("cp", crossing.percent)
    json.field("cs", crossing.periodStart.milliseconds)
    json.field("cu", crossing.used)
    json.field("cl", crossing.limit)
    json.field("cr", crossing.resetsAt?.milliseconds)
  }
}
