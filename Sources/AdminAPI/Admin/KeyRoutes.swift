internal import Gate
internal import Signatures

/// Service and admin keys.
enum KeyRoutes {
  static let all = [
    Route("GET", "/admin/v1/keys", .adminRead, handle: list),
    Route("POST", "/admin/v1/keys", .adminWrite, handle: create),
    Route("DELETE", "/admin/v1/keys/{id}", .adminWrite, handle: revoke),
  ]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: Fields.page)
    let page = fields.page()
    try fields.check()
    return .json(.page(try await exchange.control.accounts.keys(page)) { .key($0) })
  }

  private static func create(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["kind", "role", "label"])
    let kinds = APIKey.Kind.allCases.map(\.rawValue)
    let kind = fields.required("kind", .choice(kinds)).flatMap(APIKey.Kind.init)
    let roles = APIKey.Role.allCases.map(\.rawValue)
    let role = fields.optional("role", .choice(roles)).flatMap(APIKey.Role.init)
    let label = fields.optional("label", .text(bytesMax: 200)) ?? ""
    if kind == .service, role != nil { fields.refuse("role", "is for admin keys alone") }
    if kind == .admin, role == nil { fields.refuse("role", "must be viewer or operator for an admin key") }
    guard let kind, fields.errors.isEmpty else { throw fields.problem }
    let secret = Token.make(prefix: kind == .service ? .service : .admin)
    let key = try await exchange.control.accounts.createKey(
      kind: kind, role: role, label: label, hash: Authenticator.hash(secret), actor: exchange.caller.actor)
    return .json(.key(key, secret: secret), status: 201)
  }

  private static func revoke(_ exchange: Exchange) async throws -> ControlResponse {
    let id = try exchange.identifier("id")
    guard try await exchange.control.accounts.revokeKey(id: id, actor: exchange.caller.actor) else {
      throw Problem.notFound("such key")
    }
    return .noContent
  }
}
