internal import Gate

/// Tokens given by hand, and taken back.
enum GrantRoutes {
  static let all = AccountID.Kind.allCases.flatMap { kind in
    [
      Route("POST", "/admin/v1/\(kind.rawValue)s/{id}/grants", .adminWrite) { try await add($0, kind) },
      Route("DELETE", "/admin/v1/\(kind.rawValue)s/{id}/grants/{grant}", .adminWrite) {
        try await revoke($0, kind)
      },
    ]
  }

  private static func add(_ exchange: Exchange, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let key = try exchange.idempotencyKey()
    var fields = try Fields(body: exchange.request, known: ["tokens", "expires_at", "reason"])
    let tokens = fields.required("tokens", .integer(1...Limits.tokensMax))
    let expiresAt = fields.optional("expires_at", .time(after: exchange.control.now()))
    let reason = fields.optional("reason", .text(bytesMax: 500))
    guard let tokens, fields.errors.isEmpty else { throw fields.problem }
    let account = try await exchange.knownAccount(kind)
    let asked = NewGrant(
      kind: .adjustment, tokens: tokens, expiresAt: expiresAt, reason: reason, source: "admin",
      idempotencyKey: key)
    let grant = try await exchange.control.accounts.addGrant(
      to: account, asked, actor: exchange.caller.actor)
    // The store gives the first grant again: with other values, this is another request.
    guard grant.tokens == tokens, grant.expiresAt?.seconds == expiresAt?.seconds else {
      throw Problem(.idempotencyConflict, "This Idempotency-Key made another grant before.")
    }
    try await exchange.makeEffective(account)
    return .json(.grant(grant), status: 201)
  }

  private static func revoke(_ exchange: Exchange, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let account = try exchange.account(kind)
    let name = exchange.parameters["grant"] ?? ""
    guard let reference = Grant.Reference(name) else { throw Problem.notFound("such grant") }
    let isRevoked = try await exchange.control.accounts.revokeGrant(
      reference, of: account, actor: exchange.caller.actor)
    // Also when there was nothing to do: the call that did it may have failed to tell Redis.
    try await exchange.makeEffective(account)
    guard isRevoked else { throw Problem.notFound("live grant `\(reference)` of this account") }
    return .noContent
  }
}
