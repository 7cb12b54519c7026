package import Gate

extension PostgresStore {
  private static let tokenColumns = """
    t.id, t.user_id, t.label, t.created_at, t.last_used_at, t.expires_at,
    (extract(epoch FROM t.created_at) * 1000000)::bigint AS created_us,
    to_jsonb(t) - 'token_hash' AS record
    """

  package func issueToken(
    user: String, hash: TokenHash, label: String?, expiresAt: Instant?, actor: String
  ) async throws(StoreError) -> ExtensionToken {
    try await pool.transaction { (transaction) async throws(StoreError) -> ExtensionToken in
      try await transaction.act(as: actor)
      try await transaction.lock(.user(user))
      let rows = try await transaction.query(
        """
        INSERT INTO extension_tokens AS t (user_id, token_hash, label, expires_at)
        VALUES ($1, $2, $3, $4) RETURNING \(Self.tokenColumns)
        """, [.text(user), .bytes(hash.bytes), .text(orNull: label), .instant(orNull: expiresAt)])
      let token = try Self.token(rows[0])
      try await transaction.audit(
        actor, "token.issue", "token:\(token.id)", after: rows[0].string("record"))
      return token
    }
  }

  /// Newest first.
  package func tokens(user: String, _ page: PageRequest) async throws(StoreError) -> Page<ExtensionToken> {
    let after = try Cursor.decode(page.cursor, count: 2)
    let rows = try await pool.list(
      """
      SELECT \(Self.tokenColumns) FROM extension_tokens t
      WHERE t.user_id = $1
        AND ($3::text IS NULL
          OR (t.created_at, t.id) < (to_timestamp(0) + $2 * interval '1 microsecond', $3))
      ORDER BY t.created_at DESC, t.id DESC LIMIT $4
      """,
      [
        .text(user), try Self.microseconds(after?[0]), .text(orNull: after?[1]), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.token) { [$0.string("created_us") ?? "", $0.string("id") ?? ""] }
  }

  package func allTokens(
    owner: String?, _ page: PageRequest
  ) async throws(StoreError) -> Page<ExtensionToken> {
    let after = try Cursor.decode(page.cursor, count: 2)
    let parameters: [PostgresValue] = [try Self.microseconds(after?[0]), .text(orNull: after?[1])]
    let rows: PostgresRows
    if let owner {
      rows = try await pool.search(
        walking: Self.listedTokens("t.*"), upTo: 2_000, choosing: Self.tokenColumns, as: "t",
        matching: "EXISTS (SELECT FROM users u WHERE u.id = t.user_id AND \(Self.matches("$4")))",
        key: "created_at DESC, id DESC", finding: Self.foundTokens, parameters,
        SearchPattern.quicklyContaining(owner), page)
    } else {
      rows = try await pool.list(Self.listedTokens(Self.tokenColumns), parameters + [page.rowsToRead])
    }
    return try rows.page(page, item: Self.token) { [$0.string("created_us") ?? "", $0.string("id") ?? ""] }
  }

  /// $1, $2: the moment and id before.
  private static let isFurther = """
    ($2::text IS NULL OR (t.created_at, t.id) < (to_timestamp(0) + $1 * interval '1 microsecond', $2))
    """

  private static func listedTokens(_ columns: String) -> String {
    """
    SELECT \(columns) FROM extension_tokens t
    WHERE \(isFurther) ORDER BY t.created_at DESC, t.id DESC LIMIT $3
    """
  }

  private static let foundTokens = """
    SELECT \(tokenColumns) FROM (
      SELECT * FROM extension_tokens
      WHERE user_id = ANY (ARRAY (SELECT u.id FROM users u WHERE \(matches("$4")))) OFFSET 0) AS t
    WHERE \(isFurther) ORDER BY t.created_at DESC, t.id DESC LIMIT $3
    """

  package func revokeToken(
    id: String, ofUser user: String?, actor: String
  ) async throws(StoreError) -> Bool {
    try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      try await transaction.act(as: actor)
      let rows = try await transaction.query(
        """
        DELETE FROM extension_tokens t WHERE id = $1 AND ($2::text IS NULL OR user_id = $2)
        RETURNING \(Self.tokenColumns)
        """, [.text(id), .text(orNull: user)])
      guard let row = rows.first else { return false }
      try await transaction.audit(actor, "token.revoke", "token:\(id)", before: row.string("record"))
      return true
    }
  }

  /// The successor lives as long as the old token was given to live.
  package func rotateToken(
    id: String, hash: TokenHash, overlapSeconds: Int64, actor: String
  ) async throws(StoreError) -> ExtensionToken {
    guard (0...31_536_000).contains(overlapSeconds) else {
      throw .invalid(field: "overlap_s", message: "must be 0 to 31,536,000")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> ExtensionToken in
      try await transaction.act(as: actor)
      let before = try await transaction.query(
        "SELECT \(Self.tokenColumns) FROM extension_tokens t WHERE id = $1 FOR UPDATE", [.text(id)])
      guard let old = before.first else { throw .notFound("token") }
      let rows = try await transaction.query(
        """
        INSERT INTO extension_tokens AS t (user_id, token_hash, label, expires_at)
        SELECT user_id, $2, label, now() + (expires_at - created_at) FROM extension_tokens WHERE id = $1
        RETURNING \(Self.tokenColumns)
        """, [.text(id), .bytes(hash.bytes)])
      _ = try await transaction.query(
        """
        UPDATE extension_tokens SET expires_at = least(expires_at, now() + $2 * interval '1 second')
        WHERE id = $1
        """, [.text(id), .int(overlapSeconds)])
      try await transaction.audit(
        actor, "token.rotate", "token:\(id)", before: old.string("record"), after: rows[0].string("record"))
      return try Self.token(rows[0])
    }
  }

  /// Of a cursor, whose first part is a time in microseconds: as fine as Postgres keeps it.
  static func microseconds(_ text: String?) throws(StoreError) -> PostgresValue {
    guard let text else { return .null }
    guard let value = Int64(text), abs(value) < 1 << 55 else {
      throw .invalid(field: "cursor", message: "is not a cursor of this list")
    }
    return .int(value)
  }

  private static func token(_ row: PostgresRow) throws(StoreError) -> ExtensionToken {
    ExtensionToken(
      id: try row.need("id", PostgresRow.string), user: try row.need("user_id", PostgresRow.string),
      label: row.string("label"), createdAt: try row.need("created_at", PostgresRow.instant),
      lastUsedAt: row.instant("last_used_at"), expiresAt: row.instant("expires_at"))
  }
}
