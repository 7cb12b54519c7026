internal import Gate
internal import Logging
internal import NIOCore
internal import RedisStore

/// What is asked, by whom, and what the counters say: the same in all cases.
enum Subject {
  static let token = "tle_7hQ2mB4xTz9LrD0sVnKfYc3GpWj6EaUi8oX1Z5RbMtNqCHvwS0kPd"
  static let tokens: Int64 = 1_200
  static let body = #"{"feature":"chat","tokens":1200}"#

  /// What a chat backend's HTTP client sends.
  static let request = Array(
    """
    POST /v1/check HTTP/1.1\r
    Host: gate.internal:8080\r
    User-Agent: undici/6.21\r
    Accept: application/json\r
    Accept-Encoding: gzip, deflate, br\r
    Connection: keep-alive\r
    Content-Type: application/json\r
    X-TLE-Token: \(token)\r
    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r
    Content-Length: \(body.utf8.count)\r
    \r
    \(body)
    """.utf8)

  static let now = Instant(milliseconds: 1_768_478_400_000)  // 2026-01-15T12:00:00Z
  static let monthStart = Instant(milliseconds: 1_767_225_600_000)
  static let monthEnd = Instant(milliseconds: 1_769_904_000_000)

  static let feature = Feature(name: "chat", defaultTokens: 1_000)
  static let catalog = Catalog(
    defaultPlan: "pro", defaultFeature: "chat",
    plans: [
      Plan(
        name: "pro", rank: 1, features: ["chat", "research"],
        budget: BudgetRule(tokens: 1_000_000, period: .month),
        limits: RateLimits(
          requests: WindowLimit(count: 60, windowSeconds: 60),
          tokens: WindowLimit(count: 100_000, windowSeconds: 60)))
    ], features: [feature, Feature(name: "research", defaultTokens: 5_000)])
  static let principal = Principal(
    user: "0197f3a2-6c1d-7e55-b3a1-2f4c8d9e0a17", userPlan: "pro", version: 42)

  static let numbers: CheckNumbers = {
    var numbers = CheckNumbers()
    numbers.now = now
    numbers.granted = tokens
    numbers.budget = Budget()
    numbers.budget.limit = 1_000_000
    numbers.budget.used = 412_600
    numbers.budget.remaining = 587_400
    numbers.budget.resetsAt = monthEnd
    numbers.periodSeconds = 2_678_400
    numbers.requestsLeft = 59
    return numbers
  }()

  /// The same as `lua/check.lua` returns it: a letter and thirteen little-endian doubles, in one bulk string.
  static let answer: [UInt8] = {
    let values: [Int64] = [
      numbers.now.milliseconds, numbers.granted, numbers.budget.limit, numbers.budget.used,
      numbers.budget.held,
      numbers.budget.remaining, numbers.budget.debt, monthEnd.milliseconds, numbers.periodSeconds * 1_000,
      numbers.requestsLeft ?? -1, 0, 0, 0,
    ]
    var bytes = ByteBuffer()
    bytes.writeInteger(CheckVerdict.allowed.rawValue)
    for value in values { bytes.writeInteger(Double(value).bitPattern, endianness: .little) }
    var reply = ByteBuffer(string: "$\(bytes.readableBytes)\r\n")
    reply.writeImmutableBuffer(bytes)
    reply.writeStaticString("\r\n")
    return Array(reply.readableBytesView)
  }()

  static let logger = Logger(label: "hot-path", factory: { _ in SwiftLogNoOpLogHandler() })

  /// A connection that knows no handshake of the gate's: what is loaded into Redis is no part of a check.
  static func connection(to path: String, on eventLoop: any EventLoop) throws -> RedisConnection {
    var limits = ConnectionLimits()
    // Under valgrind everything takes fifty times as long.
    limits.connectTimeout = .seconds(60)
    limits.pingInterval = .seconds(60)
    limits.stallTime = .seconds(60)
    limits.livenessTimeout = .seconds(60)
    return RedisConnection(
      eventLoop: eventLoop,
      configuration: try RedisConnectionConfiguration(
        url: RedisURL("redis+unix://\(path)"), limits: limits),
      logger: logger)
  }

  /// The engine over it, with its clock and epoch as the handshake would have told them.
  static func engine(over connection: RedisConnection) -> LoopCheckEngine {
    let engine = LoopCheckEngine(
      connection: connection, keyspace: Keyspace(), calendar: FixedCalendar(), thresholds: catalog.thresholds)
    engine.epoch = 1
    engine.adoptClock(now)
    return engine
  }
}

/// A calendar that knows January 2026; bounds are worked out once per boundary, not per check.
private struct FixedCalendar: PeriodCalendar {
  func bounds(
    of period: BudgetRule.Period, timeZone: String, at instant: Instant
  ) -> (start: Instant, end: Instant?) {
    period == .none ? (Instant(milliseconds: 0), nil) : (Subject.monthStart, Subject.monthEnd)
  }
}
