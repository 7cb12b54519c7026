package import Gate
package import HTTPServing
internal import Logging
package import NIOCore
internal import Signatures

/// The data plane of one event loop: its caches, its engine, and the way from a request to its session. What
/// is not one of the hot routes goes to the control plane.
package final class GateHandler: HTTPHandler {
  let configuration: GateConfiguration
  let catalog: IndexedCatalog
  let engine: any CheckEngine
  let store: any PrincipalStore
  let loader: any AccountLoading
  let publisher: any OutboxApplying
  let links: @Sendable () -> BillingLinks
  private let control: @Sendable (HTTPRequest) async -> HTTPResponse

  var hasher = TokenHasher()
  var random = FastRandom()
  var writer = ResponseWriter()
  /// By token, and by the hash of a user's name for those that service keys name.
  var principals: PrincipalCache
  var users: PrincipalCache
  var keys: [TokenHash: CachedKey] = [:]
  let lookups: PrincipalLookups
  let degraded: DegradedLoop?
  var inFlight = 0
  package let metrics = GateMetrics()

  /// A service key as it was last looked up.
  struct CachedKey {
    /// nil: it is no service key.
    let id: String?
    let until: NIODeadline
    /// When its use is to be noted again.
    var noteAt: NIODeadline

    var isService: Bool { id != nil }
  }
  static let keysMax = 1_024
  private var used: [Caller] = []
  private var usedKeys: [String] = []
  private static let usedMax = 100_000
  private var refused: [Caller] = []
  private static let refusedMax = 1_000
  private static let noteSeconds: Int64 = 60

  package init(
    configuration: GateConfiguration, engine: any CheckEngine, store: any PrincipalStore,
    loader: any AccountLoading, publisher: any OutboxApplying, degraded: DegradedMode? = nil,
    links: @escaping @Sendable () -> BillingLinks,
    control: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
  ) {
    self.configuration = configuration
    catalog = IndexedCatalog(configuration.catalog)
    self.engine = engine
    self.store = store
    self.loader = loader
    self.publisher = publisher
    self.links = links
    self.control = control
    principals = PrincipalCache(entriesMax: configuration.principalsMax)
    users = PrincipalCache(entriesMax: configuration.principalsMax)
    lookups = PrincipalLookups(store: store)
    self.degraded = degraded.map(DegradedLoop.init)
  }

  package func bodyBytesMax(for exchange: HTTPExchange) -> Int {
    exchange.withSpan(of: exchange.path) { path in
      Route.hasPrefix(path, "/webhooks/") ? configuration.webhookBodyBytesMax : configuration.bodyBytesMax
    }
  }

  package func handle(_ exchange: HTTPExchange) {
    let route = exchange.withSpan(of: exchange.path) { path in Route(path) }
    guard route != .control else {
      let control = control
      return exchange.respond(asynchronously: { request in await control(request) })
    }
    let session: GateSession
    if let attached = exchange.attachment as? GateSession {
      session = attached
    } else {
      session = GateSession(handler: self, exchange: exchange)
      exchange.attachment = session
    }
    session.begin(route)
  }

  package func reject(_ error: HTTPRejection, _ exchange: HTTPExchange, into out: inout ByteBuffer) {
    let code: ProblemCode =
      switch error {
      case .badRequest, .notImplemented, .versionNotSupported: .invalidRequest
      case .bodyTooLarge: .bodyTooLarge
      case .headersTooLarge: .headersTooLarge
      case .timeout: .requestTimeout
      case .overloaded: .overloaded
      }
    var problem = Problem(code, "\(error.reason)")
    if code == .invalidRequest {
      problem.errors = [FieldError(field: "", message: "\(error.reason)")]
    }
    var body = ByteBuffer()
    let status = error.status == 501 || error.status == 505 ? error.status : code.status
    problem.writeBody(into: &body, docsBase: configuration.docsBase, status: status)
    HTTPStatusLine.write(status, into: &out)
    out.writeStaticString("Content-Type: application/problem+json\r\nConnection: close\r\n")
    RequestID(exchange, made: OperationID.make(using: &random)).write(into: &out, exchange)
    if code == .overloaded { out.writeStaticString("Retry-After: 1\r\n") }
    out.writeStaticString("Content-Length: ")
    out.json(Int64(body.readableBytes))
    out.writeStaticString("\r\n\r\n")
    out.writeImmutableBuffer(body)
  }

  /// SHA-256 of a credential that stands in the request.
  func hash(_ slice: HTTPSlice, of exchange: HTTPExchange) -> TokenHash {
    let words = exchange.withSpan(of: slice) { hasher.hash($0) }
    return TokenHash(w0: words.w0, w1: words.w1, w2: words.w2, w3: words.w3)
  }

  func hash(_ text: String) -> TokenHash {
    let words = hasher.hash(Array(text.utf8))
    return TokenHash(w0: words.w0, w1: words.w1, w2: words.w2, w3: words.w3)
  }

  /// Looks service keys up again: one was made or revoked.
  package func forgetKeys() { keys.removeAll(keepingCapacity: true) }

  /// Notes that a token was used, for `last_used_at`; at most once a minute per token.
  func noteUse(of entry: Caller, at now: Instant) {
    guard now >= entry.notedAt.advanced(seconds: GateHandler.noteSeconds), used.count < GateHandler.usedMax,
      entry.token != nil
    else { return }
    entry.notedAt = now
    used.append(entry)
  }

  /// Notes that a user was refused something: ``takeRefusals()``.
  func noteRefusal(of entry: Caller) {
    if entry.refusals == 0 {
      guard refused.count < GateHandler.refusedMax else { return }
      refused.append(entry)
    }
    entry.refusals += 1
  }

  /// Who was refused since the last call, and how often; of more than a thousand users those that came first.
  package func takeRefusals() -> [(user: String, count: UInt64)] {
    defer { refused.removeAll(keepingCapacity: true) }
    return refused.map { entry in
      defer { entry.refusals = 0 }
      return (entry.user, entry.refusals)
    }
  }

  /// Notes that a stored service key was used, for `last_used_at`; at most once a minute per key.
  func noteUse(ofKey hash: TokenHash, _ key: CachedKey) {
    let now = NIODeadline.now()
    guard let id = key.id, now >= key.noteAt, usedKeys.count < GateHandler.keysMax else { return }
    keys[hash]?.noteAt = now + .seconds(GateHandler.noteSeconds)
    usedKeys.append(id)
  }

  /// The service keys that were used since the last call.
  package func takeUsedKeys() -> [String] {
    defer { usedKeys.removeAll(keepingCapacity: true) }
    return usedKeys
  }

  /// The tokens that were used since the last call.
  package func takeUsedTokens() -> [TokenHash] {
    defer { used.removeAll(keepingCapacity: true) }
    return used.compactMap(\.token)
  }
}

/// The hot routes.
enum Route: Equatable {
  case check
  case usage
  /// `/v1/reservations/{id}/{action}`.
  case reservation
  /// `/authz/{gateway}/{policy}/…`.
  case authz
  case control

  init(_ path: Span<UInt8>) {
    if Route.equals(path, "/v1/check") {
      self = .check
    } else if Route.equals(path, "/v1/usage") {
      self = .usage
    } else if Route.hasPrefix(path, "/v1/reservations/") {
      self = .reservation
    } else if Route.hasPrefix(path, "/authz/") {
      self = .authz
    } else {
      self = .control
    }
  }

  static func hasPrefix(_ path: Span<UInt8>, _ prefix: StaticString) -> Bool {
    guard path.count >= prefix.utf8CodeUnitCount else { return false }
    let expected = unsafe prefix.utf8Start
    for index in 0..<prefix.utf8CodeUnitCount {
      guard unsafe path[index] == expected[index] else { return false }
    }
    return true
  }

  static func equals(_ path: Span<UInt8>, _ text: StaticString) -> Bool {
    path.count == text.utf8CodeUnitCount && hasPrefix(path, text)
  }
}
