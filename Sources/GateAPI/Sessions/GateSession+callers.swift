internal import Gate
internal import HTTPServing
internal import NIOCore

/// Who is calling, and for whom.
extension GateSession {
  func authenticate() {
    let exchange = exchange
    guard !exchange.isRepeated(.tleToken), !exchange.isRepeated(.authorization) else {
      let field = exchange.isRepeated(.tleToken) ? "X-TLE-Token" : "Authorization"
      return refuse(.invalid(FieldError(field: field, message: "was sent more than once")))
    }
    if let value = exchange.value(of: .tleToken) {
      guard exchange.withSpan(of: value, { Credential.isToken($0) }) else { return refuse(.tokenInvalid) }
      token = handler.hash(value, of: exchange)
    }
    guard let authorization = exchange.value(of: .authorization),
      let key = Credential.serviceKey(authorization, exchange)
    else {
      // Another scheme is not for us: a gateway passes on what its client sent.
      if token == nil {
        return refuse(exchange.value(of: .authorization) == nil ? .tokenMissing : .tokenInvalid)
      }
      return identify()
    }
    let hash = handler.hash(key, of: exchange)
    if hash == handler.configuration.bootstrapServiceKey {
      isService = true
      return identify()
    }
    if let cached = handler.keys[hash], cached.until > .now() {
      guard cached.isService else { return refuse(.tokenInvalid) }
      handler.noteUse(ofKey: hash, cached)
      isService = true
      return identify()
    }
    let store = handler.store
    load({ () async throws(StoreError) in try await store.apiKey(hash: hash) }) { result in
      switch result {
      case .success(let found):
        if self.handler.keys.count >= GateHandler.keysMax {
          self.handler.keys.removeAll(keepingCapacity: true)
        }
        let key = GateHandler.CachedKey(
          id: found?.kind == .service ? found?.id : nil,
          until: .now() + .milliseconds(self.handler.configuration.keyMilliseconds),
          // What was noted of it before it was looked up again still holds.
          noteAt: self.handler.keys[hash]?.noteAt ?? .now())
        self.handler.keys[hash] = key
        guard key.isService else { return self.refuse(.tokenInvalid) }
        self.handler.noteUse(ofKey: hash, key)
        self.isService = true
        self.identify()
      case .failure: self.refuse(.unavailable)
      }
    }
  }

  /// Finds the principal: of the token, or of the user that a service key names.
  private func identify() {
    if purpose == .usage || purpose == .settle || purpose == .release || purpose == .extend {
      guard isService else {
        // A good extension token may not do this; a bad one is told nothing.
        guard let token else { return refuse(.tokenMissing) }
        verified = Problem(.forbidden, "This takes a service key.")
        return identify(byToken: token)
      }
      if hold != nil { return resolveHold() }
    }
    if let token { return identify(byToken: token) }
    guard let user = namedUser() else { return }
    identify(user: user)
  }

  /// The user that the body or the header names; answers the request where neither does or they differ.
  private func namedUser() -> String? {
    if let mistake, body.user == nil {
      refuse(mistake)
      return nil
    }
    let header = exchange.value(of: .tollgateUser).map { exchange.string($0) }
    if let header, let named = body.user, header != named {
      refuse(.invalid(FieldError(field: "user", message: "differs from X-Tollgate-User")))
      return nil
    }
    guard let user = body.user ?? header else {
      refuse(.invalid(FieldError(field: "user", message: "is required with a service key")))
      return nil
    }
    guard Identifier.isValid(user) else {
      refuse(.invalid(FieldError(field: "user", message: "must be 1 to 128 visible ASCII characters")))
      return nil
    }
    return user
  }

  private func identify(byToken token: TokenHash) {
    if let cached = handler.principals.find(token), isCurrent(cached) { return proceed(cached) }
    let turn = turn
    handler.engine.cachedPrincipal(token) { principal in
      guard self.turn == turn, !self.isAnswered else { return }
      if let principal {
        self.proceed(self.keep(principal, for: token))
      } else {
        self.lookUp(token)
      }
    }
  }

  /// Asks Postgres, in a batch with all others that are unknown now.
  func lookUp(_ token: TokenHash) {
    allowLoading()
    let turn = turn
    handler.lookups.find(token, on: exchange) { result in
      guard self.turn == turn, !self.isAnswered else { return }
      switch result {
      case .success(let principal?):
        self.handler.engine.remember(principal, for: token)
        self.proceed(self.keep(principal, for: token))
      case .success(nil):
        self.handler.principals.remove(token)
        self.handler.engine.forget(token)
        self.refuse(.tokenInvalid)
      case .failure: self.refuse(.unavailable)
      }
    }
  }

  func identify(user: String) {
    if let cached = handler.users.find(handler.hash(user)), isCurrent(cached) { return proceed(cached) }
    lookUp(user: user)
  }

  func lookUp(user: String) {
    let store = handler.store
    load({ () async throws(StoreError) in try await store.principal(user: user) }) { result in
      switch result {
      case .success(let principal?):
        self.proceed(self.keep(principal, for: nil))
      case .success(nil):
        self.handler.users.remove(self.handler.hash(user))
        self.refuse(Problem(.notFound, "There is no such user."))
      case .failure: self.refuse(.unavailable)
      }
    }
  }

  /// Puts a principal into the loop's cache, by its token or by its name.
  private func keep(_ principal: Principal, for token: TokenHash?) -> Caller {
    let cached = Caller(
      principal, catalog: handler.catalog, token: token, now: handler.engine.now())
    if let token {
      handler.principals.insert(cached, for: token)
    } else {
      handler.users.insert(cached, for: handler.hash(principal.user))
    }
    return cached
  }

  /// None of the user's own limits has run out since the rights were worked out; else they are, anew.
  private func isCurrent(_ cached: Caller) -> Bool {
    cached.rights.entitlement.limitsEndAt.map { $0 > handler.engine.now() } ?? true
  }

  /// Knows who it is. An expired token looks like an unknown one.
  private func proceed(_ cached: Caller) {
    if let expires = cached.tokenExpiresAt, expires <= handler.engine.now() {
      return refuse(.tokenInvalid)
    }
    entry = cached
    if token != nil, mistake == nil, let named = namedElsewhere(), named != cached.user {
      verified = Problem(.forbidden, "The token belongs to another user.")
    }
    ask()
  }

  /// A user that is named beside a token. On /authz a header of that name is the client's own, and means nothing.
  private func namedElsewhere() -> String? {
    if let user = body.user { return user }
    guard purpose != .authz else { return nil }
    return exchange.value(of: .tollgateUser).map { exchange.string($0) }
  }
}

/// What credentials look like.
enum Credential {
  /// `tle_` and 16 to 256 of `[A-Za-z0-9_-]`.
  static func isToken(_ bytes: Span<UInt8>) -> Bool {
    guard (20...260).contains(bytes.count), Route.hasPrefix(bytes, "tle_") else { return false }
    for index in 4..<bytes.count where !isTokenByte(bytes[index]) { return false }
    return true
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  /// The key in `Bearer tgs_…`; nil for every other scheme or kind of credential.
  static func serviceKey(_ value: HTTPSlice, _ exchange: HTTPExchange) -> HTTPSlice? {
    let isKey = exchange.withSpan(of: value) { bytes in
      guard bytes.count > 11, bytes.count <= 300, isBearer(bytes) else { return false }
      return Route.hasPrefix(bytes.extracting(7...), "tgs_")
    }
    return isKey ? HTTPSlice(lower: value.lower + 7, upper: value.upper) : nil
  }

  private static func isBearer(_ bytes: Span<UInt8>) -> Bool {
    // "bearer" in any case, then one space.
    let word: UInt64 = 0x62_65_61_72_65_72
    var found: UInt64 = 0
    for index in 0..<6 { found = found << 8 | UInt64(bytes[index] | 0x20) }
    return found == word && bytes[6] == 0x20
  }
}
