internal import Gate
internal import Logging
internal import Signatures

/// Finds out who is calling, by what Postgres has now: no cache, so a revoked key is refused at once.
struct Authenticator: Sendable {
  let control: ControlPlane

  /// Longer ones are not ours, and not worth hashing.
  static let credentialBytesMax = 512

  func caller(of request: ControlRequest, for access: Access) async throws -> Caller {
    switch access {
    case .open: .anyone
    case .adminRead, .adminWrite: try await admin(request, for: access)
    case .service, .user: try await user(request, for: access)
    }
  }

  private func admin(_ request: ControlRequest, for access: Access) async throws -> Caller {
    guard let authorization = try request.value(of: "Authorization") else {
      throw Challenge.bearer.problem(.tokenMissing, "Send `Authorization: Bearer tga_…`.")
    }
    let refusal = Challenge.bearer.problem(.tokenInvalid, "This admin key is not valid.")
    guard let text = Authenticator.bearer(authorization) else { throw refusal }
    guard let admin = try await admin(key: text) else { throw refusal }
    guard admin.may(access) else { throw Problem(.forbidden, "This admin key may only read.") }
    return .admin(admin)
  }

  /// Who an admin key belongs to; nil for a text that is none.
  func admin(key text: String) async throws(StoreError) -> Admin? {
    let hash = Authenticator.hash(text)
    if Authenticator.equal(hash, control.bootstrapOperator) { return .bootstrap }
    guard text.hasPrefix(Token.Prefix.admin.rawValue),
      let key = try await control.principals.apiKey(hash: hash), key.kind == .admin
    else { return nil }
    await noteUse(of: key)
    return Admin(key: key.id, role: key.role ?? .viewer)
  }

  private func user(_ request: ControlRequest, for access: Access) async throws -> Caller {
    let token = try request.value(of: "X-TLE-Token")
    let authorization = try request.value(of: "Authorization")
    let key = try await serviceKey(authorization, isAlone: token == nil)
    var owner: Principal?
    if let token { owner = try await principal(token: token) }
    if let key { return .service(key: key, forwarding: owner) }
    guard let owner else {
      throw Challenge.token.problem(
        .tokenMissing, "Send `X-TLE-Token: tle_…` or `Authorization: Bearer tgs_…`.")
    }
    guard access == .user else {
      throw Problem(.forbidden, "This needs a service key; an extension token may not do it.")
    }
    return .user(owner)
  }

  /// The id of the service key. Beside an extension token an `Authorization` that is not a service key is
  /// somebody else's (a gateway passes on what the browser sent), and says nothing.
  private func serviceKey(_ authorization: String?, isAlone: Bool) async throws -> String? {
    guard let authorization else { return nil }
    let refusal = Challenge.token.problem(.tokenInvalid, "This service key is not valid.")
    guard let text = Authenticator.bearer(authorization) else {
      if isAlone { throw refusal }
      return nil
    }
    let hash = Authenticator.hash(text)
    if Authenticator.equal(hash, control.bootstrapService) { return "bootstrap" }
    guard text.hasPrefix(Token.Prefix.service.rawValue) else {
      if isAlone { throw refusal }
      return nil
    }
    guard let key = try await control.principals.apiKey(hash: hash), key.kind == .service else {
      throw refusal
    }
    await noteUse(of: key)
    return key.id
  }

  /// At most one write per key and minute; that it fails is no reason to refuse a caller.
  private func noteUse(of key: APIKey) async {
    if let last = key.lastUsedAt, control.now() < last.advanced(seconds: 60) { return }
    do throws(StoreError) { try await control.accounts.markUsed(keyIDs: [key.id]) } catch {
      control.logger.debug("key use not written", metadata: ["error.cause": "\(error)"])
    }
  }

  /// Malformed, unknown, expired and revoked all look alike.
  private func principal(token: String) async throws -> Principal {
    let refusal = Challenge.token.problem(.tokenInvalid, "This token is not valid.")
    guard Authenticator.isExtensionToken(token) else { throw refusal }
    let found = try await control.principals.principals(tokenHashes: [Authenticator.hash(token)])
    guard let principal = found.first ?? nil else { throw refusal }
    if let expiry = principal.tokenExpiresAt, expiry <= control.now() { throw refusal }
    return principal
  }

  /// `tle_` and 16 to 256 of `[A-Za-z0-9_-]`.
  private static func isExtensionToken(_ text: String) -> Bool {
    text.hasPrefix(Token.Prefix.extension.rawValue) && (16...256).contains(text.utf8.count - 4)
      && text.utf8.dropFirst(4).allSatisfy {
        switch $0 {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The credential of `Bearer …`, the scheme in any case; nil for another scheme.
  private static func bearer(_ authorization: String) -> String? {
    let parts = authorization.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].utf8.count <= credentialBytesMax
    else { return nil }
    return String(parts[1])
  }

  static func hash(_ text: String) -> TokenHash {
    guard let hash = TokenHash(bytes: SHA256.hash(text)) else {
      preconditionFailure("a SHA-256 has 32 bytes")
    }
    return hash
  }

  private static func equal(_ hash: TokenHash, _ stored: TokenHash?) -> Bool {
    guard let stored else { return false }
    return ConstantTime.equal(hash.bytes, stored.bytes)
  }
}

/// What a 401 asks for.
enum Challenge: String {
  case bearer = "Bearer"
  case token = "TLE-Token"

  func problem(_ code: ProblemCode, _ detail: String) -> Problem {
    let challenge = (name: "WWW-Authenticate", value: "\(rawValue) realm=\"tollgate\"")
    return Problem(code, detail, headers: [challenge])
  }
}
