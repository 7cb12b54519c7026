import Settings
import Testing

/// Every mistake says file, line, key and what is allowed, and all come at once.
@Suite struct MistakeTests {
  @Test func `all mistakes come at once, each with its line`() {
    let found = mistakes(
      """
      default_plan: gold
      default_feture: chat
      plans:
        free:
          rank: -1
          features: [chat, draw]
          budget: {tokens: 1e6, timezone: Europe/Atlantis}
          limits:
            requests: {count: 20}
            concurrent: 0
            shadow: [tokens]
        pro: {prices: [price_a], budget: {tokens: 1}}
        max: {prices: [price_a], budget: {tokens: 1000000000000000}}
      features:
        chat: {default_tokens: "1000", on_expire: keep}
      topups: {price_a: {tokens: 1}}
      policies: {p: {feature: nothing}}
      thresholds: [80, 50]
      billing: {upgrade_url: app.example.com}
      stripe: {api_key: sk_live_1}
      """)
    let expected = [
      "t.yaml:1: default_plan: `gold` is no plan",
      "t.yaml:2: default_feture: unknown key; did you mean `default_feature`? allowed: ",
      "t.yaml:5: plans.free.rank: `-1` is not allowed; allowed: integer, 0 to 1,000",
      "t.yaml:6: plans.free.features: `draw` is no feature of this file; allowed: `chat`",
      "t.yaml:7: plans.free.budget.tokens: `1e6` is not allowed; allowed: integer, 0 to 999,999,999,999,999",
      "t.yaml:7: plans.free.budget.timezone: `Europe/Atlantis` is not allowed; allowed: IANA time zone",
      "t.yaml:9: plans.free.limits.requests.window_s: is missing; allowed: integer, 1 to 86,400",
      "t.yaml:10: plans.free.limits.concurrent: `0` is not allowed; allowed: integer, 1 to 256",
      "t.yaml:11: plans.free.limits.shadow: names `tokens`, which has no limit here",
      "t.yaml:13: plans.max.budget.tokens: `1000000000000000` is not allowed",
      "t.yaml:13: plans.max.prices: `price_a` maps to the plan `pro` already",
      "t.yaml:15: features.chat.default_tokens: the quoted text `1000` is not allowed; allowed: integer",
      "t.yaml:15: features.chat.on_expire: `keep` is not allowed; allowed: `charge`, `release`",
      "t.yaml:16: topups.price_a: maps to the plan `pro` already",
      "t.yaml:17: policies.p.feature: `nothing` is no feature",
      "t.yaml:18: thresholds: must be ascending",
      "t.yaml:19: billing.upgrade_url: `app.example.com` is not allowed; allowed: absolute http",
      "t.yaml:20: stripe.api_key: is a secret and does not belong in this file; set TOLLGATE_STRIPE_API_KEY",
    ]
    #expect(found.count == expected.count, "\(found)")
    for (found, expected) in zip(found, expected) { #expect(found.hasPrefix(expected), "\(found)") }
  }

  @Test(
    arguments: [
      ("", "t.yaml:1: the file is empty"),
      ("- a", "t.yaml:1: must be a mapping"),
      ("a: [", "is no YAML"),
      ("plans: {}\nplans: {}", "has the key `plans` more than once"),
      ("features: {chat: {}}", "t.yaml: plans: is missing"),
      ("plans: {}\nfeatures: {}", "t.yaml:1: plans: has 0 names; allowed: 1 to 256"),
      ("plans: 5", "t.yaml:1: plans: must be a mapping"),
      ("plans: null", "t.yaml:1: plans: must not be null"),
      ("plans: {free: 5}", "t.yaml:1: plans.free: must be a mapping with any of: `rank`, `features`"),
      ("plans: {'a b': {}}", "t.yaml:1: plans: `a b` is no name; allowed: 1 to 128 bytes"),
      ("plans: {free: {features: chat, [x]: 1}}", "has a key that is no text"),
      ("plans: {free: {features: [[chat]]}}", "plans.free.features: an item is not allowed"),
      ("plans: {free: {features: [chat, chat]}}", "plans.free.features: names `chat` twice"),
      (
        "plans: {free: {budget: {per_seat: yes}}}",
        "per_seat: `yes` is not allowed; allowed: `true` or `false`"
      ),
      ("plans: {free: {budget: {tokens: 010}}}", "tokens: `010` is not allowed"),
      ("plans: {free: {budget: {period: none, rollover_max: 1}}}", "must be 0 with `period: none`"),
      ("thresholds: [1,2,3,4,5,6,7,8,9]", "thresholds: a list of 9 is not allowed"),
      ("thresholds: [0]", "thresholds: 0 is not allowed; allowed: list of 0 to 8 integers, each 1 to 100"),
      ("redis: {url: 'http://x'}", "redis.url: is not allowed; allowed: `redis://"),
      ("postgres: {schema: Tollgate}", "postgres.schema: `Tollgate` is not allowed"),
      ("server: {gate_listen: '8080'}", "server.gate_listen: `8080` is not allowed"),
      ("server: {admin_listen: '0.0.0.0:8080'}", "server.admin_listen: `0.0.0.0:8080` is the gate's already"),
      ("authz: {accel_location: backend}", "authz.accel_location: `backend` is not allowed"),
    ])
  func `a mistake is named`(yaml: String, expected: String) {
    let found = mistakes(yaml)
    #expect(found.contains { $0.contains(expected) }, "\(found)")
  }

  @Test func `a file that is not there is a mistake that says so`() {
    do {
      _ = try Settings.load(environment: ["TOLLGATE_CONFIG": "/nowhere/tollgate.yaml"])
      Issue.record("loaded")
    } catch {
      #expect(
        error.description
          == "/nowhere/tollgate.yaml: the config file does not exist. TOLLGATE_CONFIG or --config names another"
      )
    }
    #expect(throws: SettingsError.self) { try Settings.load(path: "/tmp", environment: [:]) }
  }
}
