import Foundation
import Glibc
import Signatures
import Synchronization
import TestServers
import Testing

/// What a suite wants of its stack beyond the usual.
struct StackOptions: Sendable {
  /// redis-server's options, such as `["--appendonly", "yes"]`.
  var redis: [String] = []
  /// A Postgres of its own, which may be stopped.
  var ownPostgres = false
  /// What a check may take. More than the usual 150 ms, for the machine may have other things to do, and what
  /// is late is a 503.
  var deadlineMilliseconds = 5000
  var environment: [String: String] = [:]
  /// Further sections of the config file.
  var config = ""
  /// What the suite wants otherwise in the config file.
  var changeConfig: @Sendable (String) -> String = { $0 }
}

/// One Redis, one database and one running gate.
final class Stack: Sendable {
  @TaskLocal static var current: Stack?

  /// The stack of the suite that this test is in.
  static var here: Stack {
    guard let current else { preconditionFailure("this suite has no stack") }
    return current
  }

  let redis: RedisServer
  let postgres: PostgresServer
  let database: String
  let adminKey = Token.make(prefix: .admin)
  let serviceKey = Token.make(prefix: .service)
  static let webhookSecret = "whsec_\(Token.make(prefix: .service).dropFirst(4))"
  private let directory: String
  private let options: StackOptions
  private let running: Mutex<GateProcess?>
  private let logs = Mutex<[String]>([])

  var gate: GateProcess {
    guard let gate = running.withLock({ $0 }) else { preconditionFailure("no gate runs") }
    return gate
  }

  static func start(_ options: StackOptions) async throws -> Stack {
    async let redis = RedisServer.start(options: options.redis)
    let postgres = options.ownPostgres ? try await PostgresServer.start() : try await PostgresServer.shared()
    let database = try await postgres.makeDatabase()
    let stack = try await Stack(options, redis: redis, postgres: postgres, database: database)
    try await stack.startGate()
    return stack
  }

  private init(_ options: StackOptions, redis: RedisServer, postgres: PostgresServer, database: String) throws
  {
    self.options = options
    self.redis = redis
    self.postgres = postgres
    self.database = database
    directory = redis.directory
    running = Mutex(nil)
    let text = TestConfig.text(deadlineMilliseconds: options.deadlineMilliseconds) + options.config
    try options.changeConfig(text).write(
      toFile: "\(directory)/tollgate.yaml", atomically: true, encoding: .utf8)
  }

  /// Starts a gate, the first or the next one, on ports of its own, and waits until it is ready. One that ran
  /// before is killed. `extra` goes over the usual environment.
  func startGate(_ extra: [String: String] = [:]) async throws {
    if let gate = running.withLock({ $0 }) { gate.signal(SIGKILL) }
    let gate = try await GateProcess.start(environment: environment.merging(extra) { $1 }, log: newLog())
    running.withLock { $0 = gate }
  }

  /// Starts one more gate beside the one that runs, on ports of its own. It dies with the test process.
  func startAnotherGate() async throws -> GateProcess {
    try await GateProcess.start(environment: environment, log: newLog())
  }

  private func newLog() -> String {
    logs.withLock {
      $0.append("\(directory)/gate-\($0.count).log")
      return $0[$0.count - 1]
    }
  }

  /// What a gate or a command of this stack is started with.
  var environment: [String: String] {
    var all = [
      "TOLLGATE_CONFIG": "\(directory)/tollgate.yaml", "TOLLGATE_REDIS_URL": redis.url,
      "TOLLGATE_POSTGRES_URL": database, "TOLLGATE_ADMIN_KEY": adminKey, "TOLLGATE_SERVICE_KEY": serviceKey,
      "TOLLGATE_STRIPE_WEBHOOK_SECRETS": Stack.webhookSecret, "TOLLGATE_LOG_LEVEL": "debug",
    ]
    all.merge(options.environment) { $1 }
    return all
  }

  func openRedis() async throws -> RedisProbe { try await RedisProbe.open(redis.port) }

  /// The first column of the first row, through psql as another system would.
  @discardableResult
  func sql(_ text: String) async throws -> String { try await postgres.psql(text, url: database) }

  /// What the books say that a user ever used.
  func booked(_ user: String) async throws -> Int64 {
    let sum = try await sql(
      "SELECT coalesce(sum(tokens), 0) FROM tollgate.usage_entries WHERE user_id = '\(user)'")
    return Int64(sum) ?? -1
  }

  /// Everything that gates of this stack have logged.
  var logText: String {
    logs.withLock { $0 }.map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" }.joined()
  }

  /// Ends the gate, and looks for credentials in its log.
  func close() async throws {
    if let gate = running.withLock({ $0 }) {
      if let code = gate.exitCode, !gate.wasSignalled {
        Issue.record("the gate ended by itself with \(code): \(logText.suffix(4000))")
      }
      gate.signal(SIGKILL)
      _ = try await gate.exitCode(within: .seconds(10))
    }
    expectNoSecretsInLog()
    try await redis.kill9()
    if options.ownPostgres { try await postgres.kill9() }
  }

  /// Not one credential may be in the log, in whole or in part.
  func expectNoSecretsInLog() {
    for line in logText.split(separator: "\n") {
      for prefix in ["tle_", "tgs_", "tga_", "whsec_", "sk_test_", "sk_live_"] {
        var rest = line
        while let found = rest.range(of: prefix) {
          rest = rest[found.upperBound...]
          let text = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
          if text.count >= 6 { Issue.record("a credential is in the log: \(line.prefix(400))") }
        }
      }
    }
  }
}

struct StackError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The config file of the tests.
enum TestConfig {
  static func text(deadlineMilliseconds: Int) -> String {
    """
    default_plan: free
    default_feature: chat
    plans:
      free:
        rank: 0
        features: [chat, note]
        budget: {tokens: 50000, period: month}
      storm:
        rank: 0
        features: [chat, note, gone]
        budget: {tokens: 100000, period: none}
      pro:
        rank: 1
        features: [chat, note, research]
        prices: [price_pro]
        budget: {tokens: 1000000, period: subscription}
      slow:
        rank: 0
        features: [chat, note]
        budget: {tokens: 1000000, period: month}
        limits:
          requests: {count: 3, window_s: 3600, burst: 3}
      capped:
        rank: 0
        features: [chat, note]
        budget: {tokens: 1000000, period: month}
        limits: {hourly_tokens: 5000}
      daily:
        rank: 0
        features: [chat, note]
        budget: {tokens: 1000000, period: month}
        limits: {daily_tokens: 3000}
      fat:
        rank: 0
        features: [chat, note]
        budget: {tokens: 1000000, period: month}
        limits:
          tokens: {count: 5000, window_s: 3600}
      wide:
        rank: 0
        features: [chat, note, gone]
        budget: {tokens: 3000000, period: none}
      crowd:
        rank: 0
        features: [chat, note, gone]
        budget: {tokens: 400000, period: none, draw: both}
      picky:
        rank: 0
        features: [chat, note, deep, guess]
        budget: {tokens: 1000000, period: month}
        feature_limits:
          deep: {requests: {count: 2, window_s: 3600}}
          note: {concurrent: 1}
      shadowed:
        rank: 0
        features: [chat, note]
        budget: {tokens: 1000000, period: month}
        limits: {requests: {count: 2, window_s: 3600}, shadow: [requests]}
      few:
        rank: 0
        features: [chat, note]
        budget: {tokens: 100000, period: none}
        limits: {concurrent: 2}
      team:
        rank: 2
        features: [chat, note, research]
        budget: {tokens: 20000, period: none}
    features:
      chat: {default_tokens: 1000}
      note: {default_tokens: 100}
      research: {default_tokens: 5000}
      gone: {default_tokens: 100, on_expire: release}
      guess: {default_tokens: p95}
      deep: {default_tokens: 5000}
    policies:
      chat: {feature: chat, tokens: 1200}
      research: {feature: research}
      hold: {feature: note, tokens: 300, mode: reserve}
    billing:
      upgrade_url: https://app.example.com/upgrade
      customer_portal_url: https://app.example.com/portal
    server: {event_loops: 2, drain_s: 5, deadline_ms: \(deadlineMilliseconds)}

    """
  }
}
