internal import Gate

/// The tokens of the user that a backend speaks for.
enum OwnTokenRoutes {
  static let all = [
    Route("GET", "/v1/tokens", .service, handle: list),
    Route("POST", "/v1/tokens", .service, handle: issue),
    Route("DELETE", "/v1/tokens/{id}", .service, handle: revoke),
  ]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: Fields.page)
    let page = fields.page()
    try fields.check()
    let user = try await exchange.known(try exchange.user())
    return .json(.page(try await exchange.control.accounts.tokens(user: user, page)) { .token($0) })
  }

  private static func issue(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["user", "label", "expires_at"])
    let named = fields.optional("user", .identifier)
    let wish = TokenWish(&fields, now: exchange.control.now())
    try fields.check()
    return try await exchange.issueToken(to: try await exchange.known(try exchange.user(inBody: named)), wish)
  }

  private static func revoke(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["user"])
    let named = fields.optional("user", .identifier)
    try fields.check()
    let user = try exchange.user(inBody: named)
    let isRevoked = try await exchange.control.accounts.revokeToken(
      id: try exchange.identifier("id"), ofUser: user, actor: exchange.caller.actor)
    // Also when there was nothing to do: the call that did it may have failed to tell Redis.
    try await exchange.makeEffective(.user(user))
    guard isRevoked else { throw Problem.notFound("such token of this user") }
    return .noContent
  }
}

extension Exchange {
  /// The user, who has to exist.
  func known(_ user: String) async throws -> String {
    guard try await control.accounts.user(user) != nil else { throw Problem.notFound("user `\(user)`") }
    return user
  }
}
