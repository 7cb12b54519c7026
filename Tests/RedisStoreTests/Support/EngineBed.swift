import Gate
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestServers

@testable import RedisStore

/// The production engine on a loop of its own, with accounts from a list instead of Postgres.
final class EngineBed: Sendable {
  let server: RedisServer
  let loop: any EventLoop
  let client: RedisClient
  let loader: AccountLoader
  let counters: RedisCounters
  let books = FakeBooks()
  private let engine: NIOLoopBound<LoopCheckEngine>

  init() async throws {
    server = try await RedisServer.start()
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    self.loop = loop
    var limits = ConnectionLimits()
    limits.stallTime = .seconds(10)
    limits.defaultDeadline = .seconds(10)
    let configuration = try RedisConnectionConfiguration(url: RedisURL(server.url), limits: limits)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let keyspace = Keyspace()
    let epochs = CounterEpochs(keyspace: keyspace, ledger: books, logger: logger)
    engine = try await loop.submit {
      NIOLoopBound(
        LoopCheckEngine.connect(
          on: loop, configuration: configuration, keyspace: keyspace, calendar: UTCCalendar(),
          thresholds: ScriptCalls.thresholds, epochs: epochs,
          logger: logger), eventLoop: loop)
    }.get()
    client = try await RedisClient(eventLoops: [loop], configuration: configuration, logger: logger)
    loader = AccountLoader(client: client, keyspace: keyspace, epochs: epochs, store: books) { _ in true }
    counters = RedisCounters(client: client, keyspace: keyspace, epochs: epochs)
    for _ in 0..<2000 {
      if try await on({ $0.isReady }) { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw TestServerTimeout()
  }

  func on<Result: Sendable>(_ body: @escaping @Sendable (LoopCheckEngine) throws -> Result) async throws
    -> Result
  {
    let engine = engine
    return try await loop.submit { try body(engine.value) }.get()
  }

  /// One check, with the answer's letter and numbers.
  func check(
    _ rights: ModelRights, tokens: Int64, hold: HoldID? = nil,
    configure: @escaping @Sendable (CheckCall) -> Void = { _ in }
  ) async throws -> (CheckVerdict, CheckNumbers) {
    let engine = engine
    let promise = loop.makePromise(of: (CheckVerdict, CheckNumbers).self)
    loop.execute {
      let owner = CallOwner(promise)
      let call = CheckCall(owner: owner)
      owner.call = call
      call.tokens = tokens
      call.mode = hold == nil ? .spend : .reserve
      call.holdID = hold?.text
      call.ttlMilliseconds = 60_000
      call.operation = OperationID(high: 0x3131_3131_3131_3131, low: 0x3131_3131_3131_3131)
      call.deadlineNanoseconds = (NIODeadline.now() + .seconds(5)).uptimeNanoseconds
      configure(call)
      let prepared = engine.value.prepare(
        rights.principal, rights.entitlement, feature: Feature(name: "chat", defaultTokens: 1), verify: false)
      engine.value.check(call, prepared)
    }
    return try await promise.futureResult.get()
  }

  func resolve(_ hold: HoldID, _ action: HoldResolution.Action) async throws -> HoldAnswer {
    let engine = engine
    let promise = loop.makePromise(of: HoldAnswer.self)
    loop.execute {
      engine.value.resolve(
        HoldResolution(
          hold: hold, action: action,
          operation: OperationID(high: 0x3232_3232_3232_3232, low: 0x3232_3232_3232_3232),
          deadlineNanoseconds: (NIODeadline.now() + .seconds(5)).uptimeNanoseconds)
      ) { promise.succeed($0) }
    }
    return try await promise.futureResult.get()
  }

  func report(_ rights: ModelRights) async throws -> ReportAnswer {
    let engine = engine
    let promise = loop.makePromise(of: ReportAnswer.self)
    loop.execute {
      let prepared = engine.value.prepare(
        rights.principal, rights.entitlement, feature: Feature(name: "chat", defaultTokens: 1), verify: false)
      engine.value.report(prepared) { promise.succeed($0) }
    }
    return try await promise.futureResult.get()
  }

  /// Calls per command since the last CONFIG RESETSTAT, those of scripts included.
  func commandStats() async throws -> [String: Int] {
    let text = try await client.command(["INFO", "commandstats"]).string ?? ""
    var calls: [String: Int] = [:]
    for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("cmdstat_") {
      let parts = line.dropFirst(8).split(separator: ":")
      guard parts.count == 2, let count = parts[1].split(separator: ",").first else { continue }
      calls[String(parts[0])] = Int(count.dropFirst(6))
    }
    return calls.filter { !["info", "config|resetstat", "ping"].contains($0.key) }
  }

  func close() async throws {
    try await on { $0.close() }
    await client.close()
    try await server.kill9()
  }
}

struct TestServerTimeout: Error {}

/// Keeps itself until its call is answered.
private final class CallOwner: CheckCallOwner {
  var call: CheckCall?
  private let promise: EventLoopPromise<(CheckVerdict, CheckNumbers)>
  private var keep: CallOwner?

  init(_ promise: EventLoopPromise<(CheckVerdict, CheckNumbers)>) {
    self.promise = promise
    keep = self
  }

  func completed(_ call: CheckCall) {
    promise.succeed((call.verdict, call.numbers))
    keep = nil
  }
}

struct UTCCalendar: PeriodCalendar {
  func bounds(
    of period: BudgetRule.Period, timeZone: String, at instant: Instant
  ) -> (start: Instant, end: Instant?) {
    let bounds = WorldPlans.bounds(period, at: instant.milliseconds)
    return (
      Instant(milliseconds: bounds.start), bounds.stop == 0 ? nil : Instant(milliseconds: bounds.stop)
    )
  }
}

/// Postgres, as far as the counters need it.
final class FakeBooks: LedgerStore, PrincipalStore {
  let snapshots = Mutex<[AccountID: AccountSnapshot]>([:])

  func book(_ entries: [LedgerEntry], bucket: Int, epoch: Int64) async throws(StoreError) {}
  func bookedThrough(bucket: Int) async throws(StoreError) -> StreamID? { nil }
  func accountsWithExpiredHolds(before: Instant, limit: Int) async throws(StoreError) -> [AccountID] { [] }
  func raiseEpoch(from epoch: Int64) async throws(StoreError) -> Int64 { epoch + 1 }
  func epoch() async throws(StoreError) -> Int64 { 1 }
  func principals(tokenHashes: [TokenHash]) async throws(StoreError) -> [Principal?] {
    tokenHashes.map { _ in nil }
  }
  func principal(user: String) async throws(StoreError) -> Principal? { nil }
  func apiKey(hash: TokenHash) async throws(StoreError) -> APIKey? { nil }
  func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot? {
    snapshots.withLock { $0[account] }
  }
  func hold(id: String) async throws(StoreError) -> HoldRecord? { nil }
  func markUsed(tokens: [TokenHash]) async throws(StoreError) {}
}
