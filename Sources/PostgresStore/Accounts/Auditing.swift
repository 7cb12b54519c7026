import Gate

/// What every change of an account does beside the change itself.
extension PostgresTransaction {
  /// Adds to the audit log; `before` and `after` are JSON objects, which never hold a credential's hash.
  func audit(
    _ actor: String, _ action: String, _ subject: String, before: String? = nil, after: String? = nil,
    reason: String? = nil
  ) async throws(StoreError) {
    _ = try await query(
      """
      INSERT INTO audit_log (actor, action, subject, before, after, reason)
      VALUES ($1, $2, $3, $4, $5, $6)
      """,
      [
        .text(actor), .text(action), .text(subject), before.map { .json($0) } ?? .null,
        after.map { .json($0) } ?? .null, .text(orNull: reason),
      ])
  }

  /// Tells the triggers that this transaction audits what it does to tokens by itself, so that each change has
  /// one audit line. To be called before the change; it ends with the transaction.
  func act(as actor: String) async throws(StoreError) {
    _ = try await query("SELECT set_config('tollgate.actor', $1, true)", [.text(actor)])
  }

  /// Locks the account's row, so that two changes of one account come one after the other; throws
  /// `notFound` when there is none.
  func lock(_ account: AccountID) async throws(StoreError) {
    let table = account.kind == .user ? "users" : "tenants"
    let rows = try await query("SELECT FROM \(table) WHERE id = $1 FOR NO KEY UPDATE", [.text(account.id)])
    guard rows.count == 1 else { throw .notFound(account.kind.rawValue) }
  }
}

extension Change where Value == String {
  /// Two parameters: whether it is set, and to what.
  var parameters: [PostgresValue] {
    switch self {
    case .keep: [.bool(false), .null]
    case .set(let value): [.bool(true), .text(orNull: value)]
    }
  }
}

extension Change where Value == Int64 {
  var parameters: [PostgresValue] {
    switch self {
    case .keep: [.bool(false), .null]
    case .set(let value): [.bool(true), .int(orNull: value)]
    }
  }
}

/// The checks that a database can't word for people.
enum Check {
  static func identifier(_ text: String, _ field: String) throws(StoreError) {
    guard Identifier.isValid(text) else {
      throw .invalid(field: field, message: "must be 1 to 128 bytes of visible ASCII")
    }
  }
  static func identifier(_ change: Change<String>, _ field: String) throws(StoreError) {
    if case .set(let value?) = change { try identifier(value, field) }
  }
  static func tokens(_ tokens: Int64) throws(StoreError) {
    guard tokens >= 0, tokens <= Limits.tokensMax else {
      throw .invalid(field: "tokens", message: "must be 0 to 10¹⁵−1")
    }
  }
}
