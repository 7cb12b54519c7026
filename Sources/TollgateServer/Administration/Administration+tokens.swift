internal import AdminAPI
package import Gate
internal import PostgresStore
internal import Signatures

extension Administration {
  /// Issues a token to a user, and shows it. It takes nothing from anybody, so that a Redis that has gone away
  /// meanwhile doesn't fail it: the answer holds the one copy of the secret.
  package func issueToken(
    user: String, label: String?, expiresAt: Instant?
  ) async throws(StoreError) -> Answer {
    try await known(.user(user))
    let secret = Secrets.make(.extension)
    let token = try await backend.store.issueToken(
      user: user, hash: secret.hash, label: label, expiresAt: expiresAt, actor: Administration.actor)
    var answer = Answer.secret(
      secret.text, .token(token, secret: secret.text), "This is token \(token.id) of user \(user).")
    do { try await makeEffective(.user(user)) } catch { answer.notes.append(CommandEnd.line(error)) }
    return answer
  }

  /// A page of a user's tokens, newest first.
  package func tokens(user: String, _ page: PageRequest) async throws(StoreError) -> Answer {
    try await known(.user(user))
    let found = try await backend.store.tokens(user: user, page)
    let now = Clock.now()
    let table = TextTable(
      ["TOKEN", .text("LABEL"), "ISSUED", "LAST USED", "EXPIRES"],
      found.items.map { token in
        let isOver = token.expiresAt.map { $0 <= now } ?? false
        return [
          .init(token.id), .init(token.label), .init(token.createdAt.rfc3339),
          .init(token.lastUsedAt?.rfc3339),
          .init(token.expiresAt?.rfc3339 ?? "never", tone: isOver ? .warning : .plain),
        ]
      })
    return .list(.page(found) { .token($0) }, table, of: "tokens", found.items.count, found.nextCursor)
  }

  /// Revokes a token; also when it was revoked before, the gates are told, for the first time may have failed
  /// to.
  package func revokeToken(_ id: String) async throws(StoreError) -> Answer {
    guard let user = try await backend.tokenOwner(id) else { throw .notFound("token `\(id)`") }
    let isRevoked = try await backend.store.revokeToken(id: id, ofUser: nil, actor: Administration.actor)
    try await makeEffective(.user(user))
    guard isRevoked else { throw .notFound("token `\(id)`") }
    return Answer(
      ["id": .string(id), "user": .string(user), "revoked": true],
      [.line("Token \(id) of user \(user) is revoked.")])
  }

  /// Issues a successor, and lets the old token live on for `overlapSeconds`. The successor is shown even when
  /// the gates could not be told yet: it is stored, and this is its one copy.
  package func rotateToken(_ id: String, overlapSeconds: Int64) async throws(StoreError) -> Answer {
    guard try await backend.tokenOwner(id) != nil else { throw .notFound("token `\(id)`") }
    let secret = Secrets.make(.extension)
    let token = try await backend.store.rotateToken(
      id: id, hash: secret.hash, overlapSeconds: overlapSeconds, actor: Administration.actor)
    let rest = overlapSeconds == 0 ? "at once" : "in \(overlapSeconds) s at the latest"
    var answer = Answer.secret(
      secret.text, .token(token, secret: secret.text),
      "This is token \(token.id) of user \(token.user); \(id) expires \(rest).")
    do { try await makeEffective(.user(token.user)) } catch { answer.failure = CommandFailure("\(error)") }
    return answer
  }
}

/// New credentials.
enum Secrets {
  /// One with its hash.
  static func make(_ prefix: Token.Prefix) -> (text: String, hash: TokenHash) {
    let text = Token.make(prefix: prefix)
    guard let hash = TokenHash(bytes: SHA256.hash(text)) else {
      preconditionFailure("a SHA-256 has 32 bytes")
    }
    return (text, hash)
  }
}
