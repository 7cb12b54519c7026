internal import AdminAPI
internal import Gate
internal import Logging
internal import Signatures

/// Somebody who is signed in.
struct Session: Sendable {
  let admin: Admin
  /// Stands in every form: only our own pages know it, for it follows from the cookie's secret.
  let csrf: String
  let secretHash: TokenHash

  init(admin: Admin, secret: [UInt8]) {
    self.admin = admin
    csrf = Hex.encode(HMACSHA256.authenticationCode(for: Array("csrf".utf8), key: secret))
    secretHash = Session.hash(secret)
  }

  func accepts(csrf given: String?) -> Bool {
    guard let given else { return false }
    return ConstantTime.equal(Array(given.utf8), Array(csrf.utf8))
  }

  static func hash(_ bytes: [UInt8]) -> TokenHash {
    guard let hash = TokenHash(bytes: SHA256.hash(bytes)) else {
      preconditionFailure("a SHA-256 has 32 bytes")
    }
    return hash
  }

  /// What is kept of the environment's key.
  static func proof(secret: [UInt8], key: TokenHash) -> TokenHash { hash(secret + key.bytes) }
}

/// The cookie: 32 random bytes, for this host and secure connections alone, out of reach for scripts, and
/// never sent from another site's page. Browsers count `localhost` and 127.0.0.1 as secure.
enum SessionCookie {
  static let name = "__Host-tollgate"

  static func header(_ secret: [UInt8], seconds: Int64) -> (name: String, value: String) {
    ("Set-Cookie", "\(name)=\(Hex.encode(secret)); \(attributes); Max-Age=\(seconds)")
  }

  static let removal = (name: "Set-Cookie", value: "\(name)=; \(attributes); Max-Age=0")

  private static let attributes = "Path=/; Secure; HttpOnly; SameSite=Strict"

  /// The secret that a request brings; nil without one, and where there are two.
  static func secret(in request: ControlRequest) -> [UInt8]? {
    let pairs = request.values(of: "Cookie").flatMap { $0.split(separator: ";") }
    let values = pairs.compactMap { pair -> Substring? in
      let pair = pair.drop { $0 == " " }
      guard pair.hasPrefix("\(name)=") else { return nil }
      return pair.dropFirst(name.count + 1)
    }
    guard values.count == 1, let value = values.first, let secret = Hex.decode(value, lowercaseOnly: true),
      secret.count == 32
    else { return nil }
    return secret
  }
}

extension Dashboard {
  /// The session of a request; nil without one that holds.
  func session(
    of request: ControlRequest, isUse: Bool, _ logger: Logger
  ) async throws(Problem) -> Session? {
    guard let secret = SessionCookie.secret(in: request) else { return nil }
    let stored: StoredSession?
    do throws(StoreError) {
      stored = try await sessions.session(
        Session.hash(secret), idleSeconds: limits.idleSeconds, isUse: isUse)
    } catch {
      throw Problem.from(error, logger: logger)
    }
    guard let stored else { return nil }
    switch stored.key {
    case .stored(let id): return Session(admin: Admin(key: id, role: stored.role ?? .viewer), secret: secret)
    case .bootstrap(let proof):
      guard let key = control.bootstrapOperator,
        ConstantTime.equal(Session.proof(secret: secret, key: key).bytes, proof.bytes)
      else { return nil }
      return Session(admin: .bootstrap, secret: secret)
    }
  }

  /// Begins a session, and gives the secret for its cookie.
  func begin(_ admin: Admin, _ logger: Logger) async throws(Problem) -> [UInt8] {
    let secret = RandomBytes.make(count: 32)
    let key: SessionKey
    if admin == .bootstrap, let hash = control.bootstrapOperator {
      key = .bootstrap(proof: Session.proof(secret: secret, key: hash))
    } else {
      key = .stored(id: admin.key)
    }
    do throws(StoreError) {
      try await sessions.beginSession(
        NewSession(secretHash: Session.hash(secret), key: key, seconds: limits.seconds))
    } catch {
      throw Problem.from(error, logger: logger)
    }
    return secret
  }

  /// Ends a session, if there is one.
  func end(_ secretHash: TokenHash, _ logger: Logger) async throws(Problem) {
    do throws(StoreError) { try await sessions.endSession(secretHash) } catch {
      throw Problem.from(error, logger: logger)
    }
  }
}
