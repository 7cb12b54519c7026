import Logging
import NIOCore
import NIOPosix
import RedisStore
import Testing

/// Keeps what became of each request, and in which order. Confined to its connection's loop.
final class Recorder: RedisReplyReceiver {
  enum Outcome: Equatable, Sendable {
    case value(RedisValue)
    case failure(RedisFailure)
  }

  private(set) var outcomes: [Int: [Outcome]] = [:]
  private(set) var order: [Int] = []

  func received(_ reply: borrowing RedisReply, tag: Int) { record(.value(reply.value), tag) }

  func failed(_ error: RedisFailure, tag: Int) { record(.failure(error), tag) }

  private func record(_ outcome: Outcome, _ tag: Int) {
    outcomes[tag, default: []].append(outcome)
    order.append(tag)
  }
}

/// A connection on a loop, with a recorder.
struct TestBed: Sendable {
  let loop: any EventLoop
  private let parts: NIOLoopBound<(RedisConnection, Recorder)>

  static var quickLimits: ConnectionLimits {
    var limits = ConnectionLimits()
    limits.backoffMax = .milliseconds(200)
    // The machine that runs the tests may be busy.
    limits.connectTimeout = .seconds(5)
    return limits
  }

  init(_ url: String, limits: ConnectionLimits = quickLimits, onReady: RedisReadyHook? = nil) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let configuration = try RedisConnectionConfiguration(url: RedisURL(url), limits: limits)
    self.loop = loop
    parts = try await loop.submit {
      let connection = RedisConnection(
        eventLoop: loop, configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onReady: onReady)
      return NIOLoopBound((connection, Recorder()), eventLoop: loop)
    }.get()
  }

  func run<Result: Sendable>(
    _ body: @escaping @Sendable (RedisConnection, Recorder) throws -> Result
  ) async throws -> Result {
    try await loop.submit { try body(parts.value.0, parts.value.1) }.get()
  }

  func future<Result: Sendable>(
    _ body: @escaping @Sendable (RedisConnection) -> EventLoopFuture<Result>
  ) async throws -> Result {
    try await loop.flatSubmit { body(parts.value.0) }.get()
  }

  func ready(within limit: TimeAmount = .seconds(10)) async throws {
    try await future { $0.whenReady(deadline: .now() + limit) }
  }

  func command(_ arguments: RedisArgument...) async throws -> RedisValue {
    let limit = TimeAmount.seconds(20)
    return try await future { $0.command(arguments, deadline: .now() + limit) }
  }

  /// Sends `ECHO <tag>` for each tag, in one tick.
  func echo(_ tags: Range<Int>, within limit: TimeAmount) async throws {
    try await run { TestBed.echo(tags, on: $0, to: $1, within: limit) }
  }

  /// The same in the very tick in which the connection becomes ready, before its own probes can.
  func echoWhenReady(_ tags: Range<Int>, within limit: TimeAmount) async throws {
    try await loop.flatSubmit {
      let (connection, recorder) = parts.value
      return connection.whenReady(deadline: .now() + limit).assumeIsolated().map {
        TestBed.echo(tags, on: connection, to: recorder, within: limit)
      }.nonisolated()
    }.get()
  }

  private static func echo(
    _ tags: Range<Int>, on connection: RedisConnection, to recorder: Recorder, within limit: TimeAmount
  ) {
    for tag in tags {
      connection.send(tag: tag, to: recorder, deadline: .now() + limit) { buffer in
        buffer.writeCommandHeader(argumentCount: 2)
        buffer.writeBulk("ECHO" as StaticString)
        buffer.writeBulk(integer: Int64(tag))
      }
    }
  }

  /// Waits until `count` outcomes are there.
  func outcomes(
    _ count: Int, within limit: TimeAmount = .seconds(20)
  ) async throws -> [Int: [Recorder.Outcome]] {
    #expect(try await eventually(within: limit) { try await run { $1.order.count } >= count })
    return try await run { $1.outcomes }
  }

  var counters: RedisConnectionCounters {
    get async throws { try await run { connection, _ in connection.counters } }
  }

  func close() async throws { try await run { connection, _ in connection.close() } }
}

/// Whether `condition` comes true in time; asked every few milliseconds.
func eventually(within limit: TimeAmount, _ condition: () async throws -> Bool) async throws -> Bool {
  let end = NIODeadline.now() + limit
  while NIODeadline.now() < end {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return try await condition()
}

extension [Int: [Recorder.Outcome]] {
  /// Each tag has exactly one outcome, and where it is a reply, its own. The failures are returned.
  func checkedFailures(_ tags: Range<Int>) -> [RedisFailure] {
    #expect(Set(keys) == Set(tags))
    var failures: [RedisFailure] = []
    for (tag, outcomes) in self {
      #expect(outcomes.count == 1, "request \(tag) had \(outcomes)")
      switch outcomes.first {
      case .value(let value): #expect(value == .bytes(Array("\(tag)".utf8)))
      case .failure(let failure): failures.append(failure)
      case nil: break
      }
    }
    return failures
  }
}
