package import Gate

extension PostgresStore: SessionStore {
  package func beginSession(_ session: NewSession) async throws(StoreError) {
    guard (60...2_592_000).contains(session.seconds) else {
      throw .invalid(field: "seconds", message: "must be 60 to 2,592,000")
    }
    try await pool.transaction { (transaction) async throws(StoreError) -> Void in
      // What is over goes with the next sign-in; nothing else has to tidy up.
      _ = try await transaction.query("DELETE FROM dashboard_sessions WHERE ends_at < now()")
      let name: String
      var proof: [UInt8]?
      switch session.key {
      case .stored(let id):
        let keys = try await transaction.query(
          "SELECT FROM api_keys WHERE id = $1 AND kind = 'admin' AND revoked_at IS NULL FOR SHARE",
          [.text(id)])
        guard keys.count == 1 else { throw .notFound("key") }
        name = id
      case .bootstrap(let hash):
        name = "bootstrap"
        proof = hash.bytes
      }
      _ = try await transaction.query(
        """
        INSERT INTO dashboard_sessions (secret_hash, key_id, bootstrap_proof, ends_at)
        VALUES ($1, $2, $3, now() + $4 * interval '1 second')
        """,
        [
          .bytes(session.secretHash.bytes), proof == nil ? .text(name) : .null,
          proof.map { .bytes($0) } ?? .null, .int(session.seconds),
        ])
      try await transaction.audit("key:\(name)", "session.begin", "key:\(name)")
    }
  }

  package func session(
    _ secretHash: TokenHash, idleSeconds: Int64, isUse: Bool
  ) async throws(StoreError) -> StoredSession? {
    let rows = try await pool.query(
      """
      SELECT s.key_id, s.bootstrap_proof, k.role, s.ends_at,
        s.seen_at < now() - interval '1 minute' AS is_due
      FROM dashboard_sessions s LEFT JOIN api_keys k ON k.id = s.key_id
      WHERE s.secret_hash = $1 AND s.ends_at > now() AND s.seen_at > now() - $2 * interval '1 second'
        AND (s.key_id IS NULL OR k.kind = 'admin' AND k.revoked_at IS NULL)
      """, [.bytes(secretHash.bytes), .int(idleSeconds)])
    guard let row = rows.first else { return nil }
    if isUse, row.bool("is_due") == true {
      _ = try await pool.query(
        "UPDATE dashboard_sessions SET seen_at = now() WHERE secret_hash = $1", [.bytes(secretHash.bytes)])
    }
    let key: SessionKey
    if let id = row.string("key_id") {
      key = .stored(id: id)
    } else if let proof = row.bytes("bootstrap_proof").flatMap({ TokenHash(bytes: $0) }) {
      key = .bootstrap(proof: proof)
    } else {
      throw .internalError("a session's key is unreadable")
    }
    return StoredSession(
      key: key, role: row.string("role").flatMap { APIKey.Role(rawValue: $0) },
      endsAt: try row.need("ends_at", PostgresRow.instant))
  }

  package func endSession(_ secretHash: TokenHash) async throws(StoreError) {
    try await pool.transaction { (transaction) async throws(StoreError) -> Void in
      let rows = try await transaction.query(
        """
        DELETE FROM dashboard_sessions WHERE secret_hash = $1
        RETURNING coalesce(key_id, 'bootstrap') AS name
        """, [.bytes(secretHash.bytes)])
      guard let name = rows.first?.string("name") else { return }
      try await transaction.audit("key:\(name)", "session.end", "key:\(name)")
    }
  }
}
