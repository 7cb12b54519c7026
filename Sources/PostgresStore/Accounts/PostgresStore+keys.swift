package import Gate

extension PostgresStore {
  static let keyColumns = """
    id, kind, role, label, created_at, last_used_at,
    (extract(epoch FROM created_at) * 1000000)::bigint AS created_us,
    to_jsonb(api_keys) - 'key_hash' AS record,
    to_jsonb(api_keys) - '{key_hash,revoked_at}'::text[] AS before
    """

  package func createKey(
    kind: APIKey.Kind, role: APIKey.Role?, label: String, hash: TokenHash, actor: String
  ) async throws(StoreError) -> APIKey {
    guard (kind == .admin) == (role != nil) else {
      throw .invalid(field: "role", message: "an admin key has one, a service key has none")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> APIKey in
      let rows = try await transaction.query(
        """
        INSERT INTO api_keys (kind, role, label, key_hash) VALUES ($1, $2, $3, $4)
        RETURNING \(Self.keyColumns)
        """, [.text(kind.rawValue), .text(orNull: role?.rawValue), .text(label), .bytes(hash.bytes)])
      let key = try Self.key(rows[0])
      try await transaction.audit(actor, "key.create", "key:\(key.id)", after: rows[0].string("record"))
      return key
    }
  }

  /// Newest first, without the revoked ones.
  package func keys(_ page: PageRequest) async throws(StoreError) -> Page<APIKey> {
    let after = try Cursor.decode(page.cursor, count: 2)
    let rows = try await pool.list(
      """
      SELECT \(Self.keyColumns) FROM api_keys
      WHERE revoked_at IS NULL
        AND ($2::text IS NULL OR (created_at, id) < (to_timestamp(0) + $1 * interval '1 microsecond', $2))
      ORDER BY created_at DESC, id DESC LIMIT $3
      """, [try Self.microseconds(after?[0]), .text(orNull: after?[1]), page.rowsToRead])
    return try rows.page(page, item: Self.key) { [$0.string("created_us") ?? "", $0.string("id") ?? ""] }
  }

  package func revokeKey(id: String, actor: String) async throws(StoreError) -> Bool {
    try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      let rows = try await transaction.query(
        """
        UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
        RETURNING \(Self.keyColumns)
        """, [.text(id)])
      guard let row = rows.first else { return false }
      try await transaction.audit(
        actor, "key.revoke", "key:\(id)", before: row.string("before"), after: row.string("record"))
      return true
    }
  }

  package func markUsed(keyIDs: [String]) async throws(StoreError) {
    guard !keyIDs.isEmpty else { return }
    // As for tokens: a row that another gate is just marking is marked by it.
    _ = try await pool.query(
      """
      UPDATE api_keys SET last_used_at = now() WHERE id IN (
        SELECT id FROM api_keys
        WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
        FOR NO KEY UPDATE SKIP LOCKED)
      """, [.textArray(keyIDs)])
  }

  static func key(_ row: PostgresRow) throws(StoreError) -> APIKey {
    guard let kind = row.string("kind").flatMap({ APIKey.Kind(rawValue: $0) }) else {
      throw .internalError("a key's kind is unreadable")
    }
    return APIKey(
      id: try row.need("id", PostgresRow.string), kind: kind,
      role: row.string("role").flatMap { APIKey.Role(rawValue: $0) },
      label: try row.need("label", PostgresRow.string),
      createdAt: try row.need("created_at", PostgresRow.instant), lastUsedAt: row.instant("last_used_at"))
  }
}
