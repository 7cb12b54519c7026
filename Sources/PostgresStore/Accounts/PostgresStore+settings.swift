package import Gate

extension PostgresStore: AccountStore {
  package func billingLinks() async throws(StoreError) -> BillingLinks? {
    let rows = try await pool.query(
      """
      SELECT value ->> 'upgrade_url' AS upgrade, value ->> 'enterprise_contact_url' AS contact,
        value ->> 'customer_portal_url' AS portal, value ->> 'success_url' AS success,
        value ->> 'cancel_url' AS cancel, value ->> 'web_app_url' AS app
      FROM settings WHERE key = 'billing'
      """)
    guard let row = rows.first else { return nil }
    return BillingLinks(
      upgradeURL: row.string("upgrade"), enterpriseContactURL: row.string("contact"),
      customerPortalURL: row.string("portal"), successURL: row.string("success"),
      cancelURL: row.string("cancel"), webAppURL: row.string("app"))
  }

  package func putBillingLinks(_ links: BillingLinks, actor: String) async throws(StoreError) {
    try await pool.transaction { (transaction) async throws(StoreError) -> Void in
      let before = try await transaction.query(
        "SELECT value FROM settings WHERE key = 'billing' FOR UPDATE")
      let after = try await transaction.query(
        """
        INSERT INTO settings (key, value) VALUES ('billing', jsonb_strip_nulls(jsonb_build_object(
          'upgrade_url', $1::text, 'enterprise_contact_url', $2::text, 'customer_portal_url', $3::text,
          'success_url', $4::text, 'cancel_url', $5::text, 'web_app_url', $6::text)))
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now() RETURNING value
        """,
        [
          links.upgradeURL, links.enterpriseContactURL, links.customerPortalURL, links.successURL,
          links.cancelURL, links.webAppURL,
        ].map { .text(orNull: $0) })
      try await transaction.audit(
        actor, "settings.billing", "settings:billing", before: before.first?.string("value"),
        after: after.first?.string("value"))
    }
  }

  /// Notes that a stored event was processed again by hand, and what it came to.
  package func auditReplay(
    of event: String, from before: String, to after: String, actor: String
  ) async throws(StoreError) {
    _ = try await pool.query(
      """
      INSERT INTO audit_log (actor, action, subject, before, after)
      VALUES ($1, 'webhook.replay', 'webhook:' || $2, jsonb_build_object('status', $3::text),
        jsonb_build_object('status', $4::text))
      """, [.text(actor), .text(event), .text(before), .text(after)])
  }

  /// Newest first, without their bodies.
  package func webhookEvents(
    status: String?, type: String?, _ page: PageRequest
  ) async throws(StoreError) -> Page<WebhookEventRecord> {
    let after = try Cursor.decode(page.cursor, count: 2)
    let rows = try await pool.list(
      """
      SELECT event_id, type, object_id, status, received_at, processed_at, detail, NULL AS payload,
        (extract(epoch FROM received_at) * 1000000)::bigint AS received_us
      FROM webhook_events_processed
      WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR type = $2)
        AND ($4::text IS NULL
          OR (received_at, event_id) < (to_timestamp(0) + $3 * interval '1 microsecond', $4))
      ORDER BY received_at DESC, event_id DESC LIMIT $5
      """,
      [
        .text(orNull: status), .text(orNull: type), try Self.microseconds(after?[0]),
        .text(orNull: after?[1]), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.event) { row in
      [row.string("received_us") ?? "", row.string("event_id") ?? ""]
    }
  }

  package func webhookEvent(_ id: String) async throws(StoreError) -> WebhookEventRecord? {
    let rows = try await pool.query(
      """
      SELECT event_id, type, object_id, status, received_at, processed_at, detail, payload
      FROM webhook_events_processed WHERE event_id = $1
      """, [.text(id)])
    guard let row = rows.first else { return nil }
    return try Self.event(row)
  }

  package func ping() async throws(StoreError) { _ = try await pool.query("SELECT 1") }

  private static func event(_ row: PostgresRow) throws(StoreError) -> WebhookEventRecord {
    WebhookEventRecord(
      id: try row.need("event_id", PostgresRow.string), type: try row.need("type", PostgresRow.string),
      object: row.string("object_id"), status: try row.need("status", PostgresRow.string),
      receivedAt: try row.need("received_at", PostgresRow.instant),
      processedAt: row.instant("processed_at"), detail: row.string("detail"),
      payload: row.bytes("payload").map { String(decoding: $0, as: UTF8.self) })
  }
}
