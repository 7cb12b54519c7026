import Gate
import Settings
import Testing

/// The smallest file there is.
let minimalConfig = """
  plans: {free: {features: [chat], budget: {tokens: 10}}}
  features: {chat: {}}
  """

func load(
  _ yaml: String, _ environment: [String: String] = [:]
) throws(SettingsError) -> Settings {
  try Settings.parse(yaml: yaml, file: "t.yaml", environment: environment)
}

/// The mistakes of a config that must not load, as text.
func mistakes(_ yaml: String, _ environment: [String: String] = [:]) -> [String] {
  do {
    _ = try load(yaml, environment)
    return []
  } catch {
    return error.mistakes.map(\.description)
  }
}

@Suite struct SettingsTests {
  @Test func `what is left out has its default`() throws {
    let settings = try load(minimalConfig)
    #expect(settings.catalog.defaultPlan == nil)
    #expect(settings.catalog.defaultFeature == "chat")
    #expect(settings.catalog.thresholds == [50, 80, 100])
    #expect(
      settings.catalog.plans["free"]
        == Plan(name: "free", rank: 0, features: ["chat"], budget: BudgetRule(tokens: 10)))
    #expect(settings.catalog.features["chat"] == Feature(name: "chat", defaultTokens: 1000))
    #expect(settings.server.http.gateListeners == [.tcp(host: "0.0.0.0", port: 8080)])
    #expect(settings.server.http.adminListeners == [.tcp(host: "127.0.0.1", port: 8081)])
    #expect(settings.server.http.deadlineMilliseconds == 150)
    #expect(settings.server.http.bodyBytesMax == 65_536)
    #expect(settings.server.stripe.webhookSecrets.isEmpty)
    #expect(settings.server.stripe.apiKey == nil)
    #expect(settings.server.stripe.apiBase == "https://api.stripe.com")
    #expect(settings.server.log == LogSettings(level: .info, format: .json))
    #expect(settings.warnings.isEmpty)
  }

  @Test func `the contract's example reads as it is written`() throws {
    let settings = try load(contractExample)
    let free = try #require(settings.catalog.plans["free"])
    #expect(free.budget == BudgetRule(tokens: 50_000, period: .month, timeZone: "UTC"))
    #expect(
      free.limits
        == RateLimits(
          requests: WindowLimit(count: 20, windowSeconds: 60, burst: 20),
          tokens: WindowLimit(count: 20_000, windowSeconds: 60), concurrent: 2, hourlyTokens: 5000,
          dailyTokens: 10_000))
    let pro = try #require(settings.catalog.plans["pro"])
    #expect(pro.prices == ["price_pro_monthly", "price_pro_yearly"])
    #expect(pro.budget.period == .subscription)
    #expect(pro.budget.trialTokens == 100_000)
    #expect(pro.pastDueGraceSeconds == 259_200)
    #expect(settings.catalog.features["research"]?.minTokens == 5000)
    #expect(settings.catalog.topups["price_pack_100k"] == TopUp(tokens: 100_000, expiresAfterDays: 365))
    #expect(settings.catalog.policies["chat"] == Policy(feature: "chat", tokens: 1000))
    #expect(settings.catalog.links.upgradeURL == "https://app.example.com/up")
    #expect(settings.catalog.links.customerPortalURL == nil)
  }

  @Test func `each further key of a plan is read`() throws {
    let settings = try load(
      """
      default_plan: team
      incomplete_grants_access: true
      thresholds: []
      features: {chat: {default_tokens: p95, min_tokens: 7, on_expire: release, on_store_failure: allow}}
      plans:
        team:
          rank: 3
          features: [chat]
          past_due_grace_s: 0
          budget: {tokens: 999999999999999, period: day, timezone: Asia/Kolkata, rollover_max: 5, debt: carry,
            per_seat: true, draw: both, downgrade: now, grace_s: 1}
          limits: {requests: {count: 1, window_s: 2}, concurrent: 256, shadow: [requests, concurrent]}
          feature_limits: {chat: {daily_tokens: 9, shadow: [daily_tokens]}}
      """)
    let plan = try #require(settings.catalog.plans["team"])
    #expect(
      plan.budget
        == BudgetRule(
          tokens: Limits.tokensMax, period: .day, timeZone: "Asia/Kolkata", rolloverMax: 5, debt: .carry,
          perSeat: true, draw: .both, downgrade: .now, graceSeconds: 1))
    #expect(plan.limits.requests == WindowLimit(count: 1, windowSeconds: 2, burst: 1))
    #expect(plan.limits.shadow == ["requests", "concurrent"])
    #expect(plan.featureLimits == ["chat": RateLimits(dailyTokens: 9, shadow: ["daily_tokens"])])
    #expect(plan.pastDueGraceSeconds == 0)
    #expect(settings.catalog.incompleteGrantsAccess)
    #expect(settings.catalog.thresholds.isEmpty)
    let feature = try #require(settings.catalog.features["chat"])
    #expect(feature.defaultIsP95 && feature.defaultTokens == 1000 && feature.minTokens == 7)
    #expect(feature.onExpire == .release && feature.onStoreFailure == .allow)
  }

  @Test func `a plan without a token limit is pointed out unless it is meant`() throws {
    let silent = try load("plans: {free: {features: [chat]}}\nfeatures: {chat: }")
    #expect(silent.catalog.plans["free"]?.budget.tokens == nil)
    #expect(silent.warnings.count == 1)
    let meant = try load("plans: {free: {features: [chat], budget: {tokens: null}}}\nfeatures: {chat: {}}")
    #expect(meant.warnings.isEmpty)
  }

  @Test func `listeners may be several, and sockets of the file system`() throws {
    let settings = try load(
      minimalConfig + "\nserver: {gate_listen: ['[::]:8080', 'unix:/run/gate.sock']}",
      ["TOLLGATE_ADMIN_LISTEN": "localhost:0, unix:/run/admin.sock"])
    #expect(
      settings.server.http.gateListeners == [.tcp(host: "::", port: 8080), .unix(path: "/run/gate.sock")])
    #expect(
      settings.server.http.adminListeners == [
        .tcp(host: "localhost", port: 0), .unix(path: "/run/admin.sock"),
      ])
    #expect(settings.server.http.gateListeners.map(\.description) == ["[::]:8080", "unix:/run/gate.sock"])
  }
}

let contractExample = """
  default_plan: free            # what a user without a live subscription has; null: subscription_inactive
  default_feature: chat
  plans:
    free:
      rank: 0
      features: [chat]
      budget: {tokens: 50000, period: month, timezone: UTC}   # period: month | day | subscription | none
      limits:
        requests: {count: 20, window_s: 60, burst: 20}        # GCRA; each limit may be left out
        tokens: {count: 20000, window_s: 60}
        concurrent: 2
        daily_tokens: 10000                                   # calendar day in the budget's timezone
        hourly_tokens: 5000
    pro:
      rank: 1
      features: [chat, research]
      prices: [price_pro_monthly, price_pro_yearly]           # seeds plan_price_map
      budget: {tokens: 1000000, period: subscription, trial_tokens: 100000, rollover_max: 0, debt: forgive, per_seat: false}
      past_due_grace_s: 259200
  features:
    chat: {default_tokens: 1000, min_tokens: 1000, on_expire: charge, on_store_failure: deny}
    research: {default_tokens: 5000}
  topups:
    price_pack_100k: {tokens: 100000, expires_after_days: 365}
  policies:                     # for /authz
    chat: {feature: chat, tokens: 1000, mode: spend}
  thresholds: [50, 80, 100]
  billing: {upgrade_url: "https://app.example.com/up", enterprise_contact_url: null, customer_portal_url: null, success_url: "https://app.example.com/s", cancel_url: "https://app.example.com/c", web_app_url: null}
  """
