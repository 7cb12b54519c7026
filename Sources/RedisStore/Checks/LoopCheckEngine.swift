package import Gate
internal import Logging
internal import NIOCore

/// The counters as one event loop asks them: over that loop's own connection, with all commands of a loop tick
/// in one write.
package final class LoopCheckEngine: CheckEngine {
  enum Pending {
    case check(CheckCall, PreparedCheck, Attempt)
    case hold(HoldResolution, Attempt, (HoldAnswer) -> Void)
    case report(PreparedCheck, Attempt, (ReportAnswer) -> Void)
    case principal((Principal?) -> Void)
    case recall(() -> Void)
    case nothing
  }

  /// A question is asked once more where Redis didn't have the library; not again after that.
  enum Attempt { case first, second }

  let connection: RedisConnection
  let keyspace: Keyspace
  let scripts = Scripts.embedded
  var calendars: CalendarSlots
  var pending = PendingTable<Pending>()
  /// The epoch that this connection's Redis was verified at.
  package var epoch: Int64 = 0
  /// Redis' clock minus the loop's, ms. Replies only ever make it too small (they travelled), so it follows the
  /// largest seen, and sinks slowly.
  private var clockOffset: Int64 = 0
  private var clockIsKnown = false
  /// Per cent of a budget at whose crossing the books are told, ascending.
  let thresholds: [Int]
  /// The same, as the scripts of holds take them.
  let thresholdArgument: [UInt8]
  /// By bucket.
  let prefixes: [KeyPrefixes]
  /// The command's beginning where the user alone is asked about, and where a tenant is too.
  private(set) var plainHead: [UInt8] = []
  private(set) var pooledHead: [UInt8] = []

  package init(
    connection: RedisConnection, keyspace: Keyspace, calendar: any PeriodCalendar, thresholds: [Int]
  ) {
    self.connection = connection
    self.keyspace = keyspace
    self.thresholds = thresholds
    thresholdArgument = RightsEncoding.encode(thresholds)
    calendars = CalendarSlots(calendar: calendar)
    prefixes = (0..<keyspace.buckets).map { KeyPrefixes(keyspace, bucket: $0) }
    plainHead = head(scripts.check, keys: 3, arguments: 4)
    pooledHead = head(scripts.check, keys: 5, arguments: 4)
  }

  package var isReady: Bool { connection.isReady && clockIsKnown }

  /// Redis' time, as well as this loop knows it.
  package func now() -> Instant {
    Instant(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) + clockOffset)
  }

  /// Takes the time in a reply for the clock; `exactly` after a TIME of its own.
  package func observe(_ redisNow: Instant, exactly: Bool = false) {
    let offset = redisNow.milliseconds - Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000)
    if exactly || !clockIsKnown || offset > clockOffset {
      clockOffset = offset
    } else {
      clockOffset -= (clockOffset - offset) / 64
    }
    clockIsKnown = true
  }

  package func adoptClock(_ now: Instant) { observe(now, exactly: true) }

  /// A deadline of the loop's clock, as Redis' TIME in ms.
  func redisDeadline(_ nanoseconds: UInt64) -> Int64 {
    Int64(nanoseconds / 1_000_000) + clockOffset
  }

  func reportDeadline() -> NIODeadline { .now() + connection.configuration.limits.reportDeadline }

  // MARK: Preparing

  package func prepare(_ rights: Rights, feature: Feature, verify: Bool) -> PreparedRights {
    let entitlement = rights.entitlement
    var bytes = ByteBuffer()
    bytes.writeBulk(
      RightsEncoding(entitlement: entitlement, feature: feature, verify: verify, thresholds: thresholds).bytes
    )
    let own = entitlement.own
    let pool = entitlement.pool
    let day = (own ?? pool)?.rule.timeZone ?? "UTC"
    return PreparedRights(
      feature: feature, bytes: Array(bytes.readableBytesView),
      ownCalendar: calendars.slot(of: own?.calendarPeriod ?? .none, timeZone: own?.rule.timeZone ?? "UTC"),
      poolCalendar: calendars.slot(of: pool?.calendarPeriod ?? .none, timeZone: pool?.rule.timeZone ?? "UTC"),
      dayCalendar: calendars.slot(of: .day, timeZone: day))
  }

  private func head(_ function: RedisFunction, keys: Int, arguments: Int) -> [UInt8] {
    var out = ByteBuffer()
    writeHead(function, keys: keys, arguments: arguments, into: &out)
    return Array(out.readableBytesView)
  }

  func writeHead(_ function: RedisFunction, keys: Int, arguments: Int, into out: inout ByteBuffer) {
    out.writeCommandHeader(argumentCount: 3 + keys + arguments)
    out.writeBulk("FCALL" as StaticString)
    out.writeBulk(function.wireName)
    out.writeBulk(integer: Int64(keys))
  }

  /// An error reply is a defect of ours or a Redis in trouble (OOM, LOADING): the caller is told 503, the log why.
  func note(_ reply: borrowing RedisReply, of function: RedisFunction) {
    connection.logger.error(
      "function refused", metadata: ["function": "\(function.name)", "redis.error": "\(reply.string)"])
  }

  /// Whether a question is to be asked again: Redis didn't have the library, which is on its way now.
  func loads(after reply: borrowing RedisReply, _ attempt: Attempt, deadline: NIODeadline) -> Bool {
    guard attempt == .first, reply.isMissingFunction else { return false }
    connection.load(scripts.library, deadline: deadline)
    return true
  }
}

extension LoopCheckEngine: RedisReplyReceiver {
  package func received(_ reply: borrowing RedisReply, tag: Int) {
    switch pending.remove(tag) {
    case .check(let call, let prepared, let attempt): received(reply, for: call, prepared, attempt)
    case .hold(let resolution, let attempt, let completion):
      received(reply, for: resolution, attempt, completion)
    case .report(let prepared, let attempt, let completion):
      received(reply, for: prepared, attempt, completion)
    case .principal(let completion):
      completion(reply.kind == .string ? PrincipalEncoding.decode(reply.string) : nil)
    case .recall(let completion): completion()
    case .nothing: break
    }
  }

  package func failed(_ error: RedisFailure, tag: Int) {
    switch pending.remove(tag) {
    case .check(let call, _, _):
      call.verdict = .unavailable
      call.mayHaveRun = error.mayHaveRun
      call.owner.completed(call)
    case .hold(_, _, let completion): completion(.unavailable)
    case .report(_, _, let completion): completion(.unavailable)
    case .principal(let completion): completion(nil)
    case .recall(let completion): completion()
    case .nothing: break
    }
  }
}
