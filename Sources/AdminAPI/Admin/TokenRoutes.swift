internal import Gate
internal import Logging
internal import Signatures

/// The extension tokens of any user.
enum TokenRoutes {
  static let all = [
    Route("GET", "/admin/v1/users/{id}/tokens", .adminRead, handle: list),
    Route("POST", "/admin/v1/users/{id}/tokens", .adminWrite, handle: issue),
    Route("POST", "/admin/v1/tokens/{id}/rotate", .adminWrite, handle: rotate),
    Route("DELETE", "/admin/v1/tokens/{id}", .adminWrite, handle: revoke),
  ]

  /// What stays of an old token's life after a rotation, unless asked: an hour. At most 30 days.
  private static let overlapSecondsDefault: Int64 = 3600
  private static let overlapSeconds: ClosedRange<Int64> = 0...2_592_000

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: Fields.page)
    let page = fields.page()
    try fields.check()
    let user = try await exchange.knownUser()
    return .json(.page(try await exchange.control.accounts.tokens(user: user.id, page)) { .token($0) })
  }

  private static func issue(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["label", "expires_at"])
    let wish = TokenWish(&fields, now: exchange.control.now())
    try fields.check()
    return try await exchange.issueToken(to: try await exchange.knownUser().id, wish)
  }

  private static func rotate(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["overlap_s"])
    let overlap = fields.optional("overlap_s", .integer(overlapSeconds)) ?? overlapSecondsDefault
    try fields.check()
    let id = try exchange.identifier("id")
    guard try await exchange.control.tokenOwner(id) != nil else { throw Problem.notFound("such token") }
    let secret = Token.make(prefix: .extension)
    let token = try await exchange.control.accounts.rotateToken(
      id: id, hash: Authenticator.hash(secret), overlapSeconds: overlap, actor: exchange.caller.actor)
    try await exchange.makeEffective(.user(token.user))
    return .json(.token(token, secret: secret), status: 201)
  }

  private static func revoke(_ exchange: Exchange) async throws -> ControlResponse {
    let id = try exchange.identifier("id")
    guard let user = try await exchange.control.tokenOwner(id) else { throw Problem.notFound("such token") }
    let isRevoked = try await exchange.control.accounts.revokeToken(
      id: id, ofUser: nil, actor: exchange.caller.actor)
    try await exchange.makeEffective(.user(user))
    guard isRevoked else { throw Problem.notFound("such token") }
    return .noContent
  }
}

/// What may be said of a token that is asked for.
struct TokenWish {
  var label: String?
  var expiresAt: Instant?

  init(_ fields: inout Fields, now: Instant) {
    label = fields.optional("label", .text(bytesMax: 200))
    expiresAt = fields.optional("expires_at", .time(after: now))
  }
}

extension Exchange {
  /// Issues a token and shows its text, the only time. It takes nothing from anybody, so a Redis that is
  /// away doesn't fail it: the answer holds the one copy of the secret.
  func issueToken(to user: String, _ wish: TokenWish) async throws -> ControlResponse {
    let secret = Token.make(prefix: .extension)
    let token = try await control.accounts.issueToken(
      user: user, hash: Authenticator.hash(secret), label: wish.label, expiresAt: wish.expiresAt,
      actor: caller.actor)
    do throws(Problem) { try await makeEffective(.user(user)) } catch {
      logger.info("token issued ahead of redis", metadata: ["token.id": "\(token.id)"])
    }
    return .json(.token(token, secret: secret), status: 201)
  }
}
