import AdminAPI
import Billing
import Gate
import Logging
import Signatures
import Synchronization

/// Both listeners over fakes, with one of each credential.
struct Bench: Sendable {
  static let operatorKey = "tga_operator_0123456789abcdef"
  static let viewerKey = "tga_viewer_0123456789abcdef"
  static let serviceKey = "tgs_service_0123456789abcdef"
  static let bootstrapKey = "bootstrap-key-of-any-shape"
  static let token = "tle_user1_0123456789abcdef"
  static let expiredToken = "tle_expired_0123456789abcdef"

  let accounts = AccountsFake()
  let principals = PrincipalsFake()
  let outbox = OutboxFake()
  var control: ControlPlane
  var admin: ControlRoutes { .admin(control) }
  var gate: ControlRoutes { .gate(control) }

  init(hooks: ControlHooks = Bench.allHooks, events: EventsFake = EventsFake()) {
    var hooks = hooks
    hooks.events = hooks.events ?? EventHook(store: events, targets: EventsFake.targets)
    let plans = [
      Plan(
        name: "free", rank: 0, features: ["chat"], budget: BudgetRule(tokens: 100),
        limits: RateLimits(requests: WindowLimit(count: 20, windowSeconds: 60, burst: 5), concurrent: 2),
        featureLimits: ["chat": RateLimits(dailyTokens: 70, shadow: ["daily_tokens"])]),
      Plan(
        name: "pro", rank: 1, features: ["chat"],
        budget: BudgetRule(tokens: 1000, period: .subscription, trialTokens: 10)),
      Plan(name: "team", rank: 2, features: ["chat"], budget: BudgetRule(tokens: 50, perSeat: true)),
      Plan(name: "open", rank: 3, features: ["chat"]),
    ]
    let catalog = Catalog(
      defaultPlan: "free", defaultFeature: "chat", plans: plans,
      features: [Feature(name: "chat", defaultTokens: 10)],
      links: BillingLinks(upgradeURL: "https://example.com/up", webAppURL: "https://example.com"))
    let accounts = accounts
    control = ControlPlane(
      accounts: accounts, principals: principals, outbox: outbox, budgets: BudgetsFake(), catalog: catalog,
      calendar: CalendarFake(),
      tokenOwner: { (id) throws(StoreError) in accounts.with { $0.tokens[id]?.user } },
      now: { AccountsFake.now }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      bootstrapOperator: Bench.hash(Bench.bootstrapKey), hooks: hooks)
    let created = AccountsFake.now
    accounts.with { state in
      state.users["u_1"] = User(id: "u_1", plan: "pro", createdAt: created)
      state.tenants["t_1"] = Tenant(id: "t_1", plan: "team", seats: 3, createdAt: created)
      state.tokens["tok_9"] = ExtensionToken(id: "tok_9", user: "u_1", label: nil, createdAt: created)
      state.keys["key_9"] = APIKey(
        id: "key_9", kind: .service, role: nil, label: "", createdAt: created)
      state.events["evt_1"] = Bench.event
    }
    principals.with { state in
      let principal = Principal(user: "u_1", userPlan: "free", version: 1)
      var expired = principal
      expired.tokenExpiresAt = created
      state.byUser["u_1"] = principal
      state.byHash = [Bench.hash(Bench.token): principal, Bench.hash(Bench.expiredToken): expired]
      state.keys[Bench.hash(Bench.operatorKey)] = APIKey(
        id: "k_op", kind: .admin, role: .operator, label: "", createdAt: created)
      state.keys[Bench.hash(Bench.viewerKey)] = APIKey(
        id: "k_view", kind: .admin, role: .viewer, label: "", createdAt: created)
      state.keys[Bench.hash(Bench.serviceKey)] = APIKey(
        id: "k_svc", kind: .service, role: nil, label: "", createdAt: created)
    }
  }

  static let event = WebhookEventRecord(
    id: "evt_1", type: "invoice.paid", status: "processed", receivedAt: AccountsFake.now, processedAt: nil,
    payload: #"{"id":"evt_1"}"#)

  static var allHooks: ControlHooks {
    var hooks = ControlHooks()
    hooks.stats = { ["window_s": .integer($0)] }
    hooks.reconcile = { request, _ in
      var report = ReconcileReport()
      let account = request.account ?? request.after ?? .user("u_9")
      let difference = Difference(.grantUsed, "grt_g1", redis: 5, books: 3)
      let state: AccountFinding.State = request.mends ? .mended : .drifted
      report.add([AccountFinding(account, state, differences: [difference])])
      report.after = request.account == nil ? account : nil
      return report
    }
    hooks.budgets = { _, _ in Page(items: [], nextCursor: nil) }
    hooks.replay = { id, _ in id == "evt_1" ? Bench.event : nil }
    hooks.metrics = { "tollgate_up 1\n" }
    hooks.openAPI = { Array("{}".utf8) }
    hooks.stripeWebhook = { body, signature in
      if signature != "good" { return .signatureInvalid }
      return body.isEmpty ? .payloadInvalid : .received
    }
    return hooks
  }

  static func hash(_ text: String) -> TokenHash {
    TokenHash(bytes: SHA256.hash(text)) ?? TokenHash(w0: 0, w1: 0, w2: 0, w3: 0)
  }

  /// Asks the admin listener, as the operator unless another key is given; `nil`: without any.
  func admin(
    _ method: String, _ target: String, _ body: String = "", key: String? = Bench.operatorKey,
    headers: [(name: String, value: String)] = []
  ) async -> ControlResponse {
    let auth = key.map { [(name: "Authorization", value: "Bearer \($0)")] } ?? []
    return await admin.respond(
      to: ControlRequest(method: method, target: target, headers: auth + headers, body: Array(body.utf8)))
  }

  /// Asks the gate's listener with the headers given.
  func gate(
    _ method: String, _ target: String, _ body: String = "", _ headers: [(name: String, value: String)] = []
  ) async -> ControlResponse {
    await gate.respond(
      to: ControlRequest(method: method, target: target, headers: headers, body: Array(body.utf8)))
  }

  static let asService = (name: "Authorization", value: "Bearer \(Bench.serviceKey)")
  static let asUser = (name: "X-TLE-Token", value: Bench.token)
  static func on(_ user: String) -> (name: String, value: String) { ("X-Tollgate-User", user) }
}

extension ControlResponse {
  /// The body as JSON; null if it is none.
  var json: JSON {
    guard case .bytes(let bytes) = body else { return .null }
    return (try? JSON(parsing: bytes)) ?? .null
  }
  var code: JSON? { json["code"] }
  /// The fields that a 400 names.
  var fields: [String] {
    guard case .array(let errors)? = json["errors"] else { return [] }
    return errors.compactMap { if case .string(let name)? = $0["field"] { name } else { nil } }
  }
}
