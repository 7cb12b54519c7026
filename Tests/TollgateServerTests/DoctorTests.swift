import Billing
import Settings
import Testing
import TollgateServer

/// What the doctor thinks of what it is told.
@Suite struct DoctorTests {
  private func info(
    version: String = "7.2.4", policy: String = "noeviction", aof: Bool = true, more: String = ""
  ) -> String {
    "# Server\r\nredis_version:\(version)\r\nrole:master\r\nmaxmemory_policy:\(policy)\r\n"
      + "aof_enabled:\(aof ? 1 : 0)\r\n\(more)"
  }

  private func level(_ findings: [Finding], _ subject: String) -> Finding.Level? {
    findings.first { $0.subject == subject }?.level
  }

  @Test(
    arguments: [
      ("7.0.0", .good), ("8.2.1", .good), ("10.0.0", .good), ("6.2.14", .bad), ("", .bad),
    ] as [(String, Finding.Level)])
  func redisHasToBeSeven(version: String, expected: Finding.Level) {
    let facts = RedisFacts(info: info(version: version))
    #expect(level(Judgement.redis(facts), "redis.version") == expected)
    #expect(level(Judgement.requirements(facts), "redis.version") == expected)
  }

  @Test func evictionLosesCounters() {
    #expect(level(Judgement.redis(RedisFacts(info: info())), "redis.eviction") == .good)
    let evicting = RedisFacts(info: info(policy: "allkeys-lru"))
    #expect(level(Judgement.redis(evicting), "redis.eviction") == .bad)
    #expect(level(Judgement.redis(RedisFacts(info: "redis_version:7.0.0\r\n")), "redis.eviction") == .warning)
  }

  @Test(
    arguments: [
      (true, ["appendfsync": "always"], .good), (true, ["appendfsync": "everysec"], .good),
      (true, [:], .good),
      (true, ["appendfsync": "no"], .warning), (false, ["save": "3600 1"], .warning),
      (false, ["save": ""], .warning), (false, [:], .warning),
    ] as [(Bool, [String: String], Finding.Level)])
  func persistenceSaysWhatACrashLoses(aof: Bool, config: [String: String], expected: Finding.Level) {
    let facts = RedisFacts(info: info(aof: aof), config: config)
    #expect(level(Judgement.redis(facts), "redis.persistence") == expected)
  }

  @Test func aDiskThatRefusesIsBad() {
    let facts = RedisFacts(info: info(more: "aof_last_write_status:err\r\n"))
    #expect(level(Judgement.redis(facts), "redis.persistence") == .bad)
    let replica = RedisFacts(info: "redis_version:7.0.0\r\nrole:slave\r\n")
    #expect(level(Judgement.redis(replica), "redis.role") == .bad)
  }

  @Test(
    arguments: [
      (300, .good), (5_000, .good), (5_001, .warning), (50_000, .warning), (50_001, .bad),
    ] as [(Int64, Finding.Level)])
  func latencyIsJudgedByTheDeadline(microseconds: Int64, expected: Finding.Level) {
    let finding = Judgement.latency(
      "redis.latency", microseconds: microseconds, deadlineMilliseconds: 150)
    #expect(finding.level == expected)
  }

  @Test(
    arguments: [
      (0, .good), (-1_000, .good), (1_001, .warning), (-1_001, .warning), (10_001, .bad), (.min, .bad),
    ] as [(Int64, Finding.Level)])
  func clocksHaveToAgree(ahead: Int64, expected: Finding.Level) {
    #expect(Judgement.clock("redis.clock", aheadMilliseconds: ahead).level == expected)
  }

  @Test func postgresHasToBeWritableAndMigrated() {
    var facts = PostgresFacts(version: "15.4", versionNumber: 150_004, migrationsKnown: 5)
    #expect(Judgement.postgres(facts).allSatisfy { $0.level == .good && $0.remedy == nil })
    facts.isPooledByTransaction = true
    #expect(level(Judgement.postgres(facts), "postgres.pooler") == .warning)
    facts.isReadOnly = true
    #expect(level(Judgement.postgres(facts), "postgres.role") == .bad)
    facts.migrationsMissing = ["0005-next"]
    let missing = Judgement.postgres(facts).first { $0.subject == "postgres.migrations" }
    #expect(missing?.level == .bad && missing?.remedy == "tollgate migrate")
    facts.migrationsForeign = ["0099-later"]
    let foreign = Judgement.postgres(facts).first { $0.subject == "postgres.migrations" }
    #expect(foreign?.level == .bad && foreign?.remedy?.contains("migrate") == false)
    facts.versionNumber = 120_010
    #expect(level(Judgement.postgres(facts), "postgres.version") == .bad)
  }

  @Test(
    arguments: [
      (nil, .warning), ("sk_test_\(String(repeating: "a", count: 24))", .good),
      ("rk_live_\(String(repeating: "a", count: 24))", .good), ("sk_live_short", .bad),
      ("pk_live_abcdefgh", .bad), ("whsec_abcdefgh", .bad), ("sk_test_abc def", .bad),
      ("something", .warning),
    ] as [(String?, Finding.Level)])
  func stripesKeyIsJudgedByItsShape(key: String?, expected: Finding.Level) throws {
    let finding = Judgement.stripe(try stripe(key: key, secrets: []))[0]
    #expect(finding.level == expected)
    if let key { #expect(!finding.found.contains(key) && finding.remedy?.contains(key) != true) }
  }

  @Test(
    arguments: [
      ([], .warning), (["whsec_abcdef0123456789"], .good),
      (["whsec_abcdef0123456789", "x9y8z7w6"], .warning),
      (["whsec_..."], .bad), (["whsec_abcdef\n"], .bad), ([""], .bad),
    ] as [([String], Finding.Level)])
  func webhookSecretsAreJudgedByTheirShape(secrets: [String], expected: Finding.Level) throws {
    let finding = Judgement.stripe(try stripe(key: nil, secrets: secrets))[1]
    #expect(finding.level == expected)
    for secret in secrets where !secret.isEmpty { #expect(!finding.found.contains(secret)) }
  }

  @Test func whatStripeSaysToTheKeyIsJudged() {
    for (error, expected) in [
      (nil, .good), (.refused(status: 401, code: "invalid_api_key", parameter: ""), .bad),
      (.refused(status: 403, code: "permission", parameter: ""), .bad), (.unreachable, .warning),
      (.refused(status: 500, code: "", parameter: ""), .warning),
    ] as [(StripeError?, Finding.Level)] {
      let finding = Judgement.stripeAnswer(error)
      #expect(finding.level == expected && finding.subject == "stripe.api")
      #expect((finding.remedy == nil) == (expected == .good))
    }
  }

  @Test func aSearchWithoutItsIndexIsToldOnceTheSchemaIsThere() {
    var facts = PostgresFacts(version: "15.4", versionNumber: 150_004, migrationsKnown: 3)
    #expect(!Judgement.postgres(facts).contains { $0.subject == "postgres.search" })
    facts.hasSearchIndex = true
    #expect(level(Judgement.postgres(facts), "postgres.search") == .good)
    facts.hasSearchIndex = false
    let finding = Judgement.postgres(facts).first { $0.subject == "postgres.search" }
    #expect(finding?.level == .warning && finding?.remedy?.contains("make_search_indexes") == true)
  }

  @Test func targetsOfEventsAreNamedAndNothingElse() {
    func target(_ url: String) -> EventTargetSettings {
      EventTargetSettings(
        name: "crm", url: Secret(url), types: [], timeoutMilliseconds: 100, secrets: [Secret("whsec_hush")])
    }
    for (targets, expected) in [
      ([], .good), ([target("https://a.example/hush")], .good), ([target("http://mailer/hush")], .warning),
    ] as [([EventTargetSettings], Finding.Level)] {
      let finding = Judgement.events(EventSettings(keepDays: 90, targets: targets))
      #expect(finding.level == expected && finding.subject == "events.targets")
      #expect(!finding.found.contains("hush") && targets.isEmpty != finding.found.contains("crm"))
    }
  }

  @Test func oneBadFindingIsAFailure() {
    let good = Finding(level: .good, subject: "config", found: "x")
    let warning = Finding(level: .warning, subject: "redis.clock", found: "late", remedy: "NTP")
    #expect(Finding.answer([good, warning]).failure == nil)
    let bad = Finding(level: .bad, subject: "redis", found: "away", remedy: "start it")
    let answer = Finding.answer([good, bad])
    #expect(answer.failure != nil)
    #expect(answer.lines() == ["ok   config  x", "bad  redis   away", "", "  redis: start it"])
    #expect(answer.json.hasPrefix(#"{"ok":false,"findings":[{"check":"config","level":"ok""#))
  }

  private func stripe(key: String?, secrets: [String]) throws -> StripeSettings {
    let yaml = """
      default_plan: free
      default_feature: chat
      plans: {free: {rank: 0, features: [chat], budget: {tokens: 1}}}
      features: {chat: {}}
      """
    var stripe = try Settings.parse(yaml: yaml, file: "test.yaml").server.stripe
    stripe.apiKey = key.map { Secret($0) }
    stripe.webhookSecrets = secrets.map { Secret($0) }
    return stripe
  }
}
