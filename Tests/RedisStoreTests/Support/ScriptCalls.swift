import Gate
import NIOCore

@testable import RedisStore

/// Questions to the scripts as FCALL commands, with the keys and encodings of production.
struct ScriptCalls {
  var scripts = Scripts.embedded
  var keyspace = Keyspace()

  static let thresholds = ModelGate.thresholds.map { Int($0) }

  static func call(
    _ function: RedisFunction, _ keys: [String], _ arguments: [RedisArgument]
  ) -> [RedisArgument] {
    ["FCALL", .bytes(function.wireName), .integer(Int64(keys.count))] + keys.map { .text($0) } + arguments
  }

  func request(_ request: ModelRequest, operation: String, metadata: String = "") -> [RedisArgument] {
    let principal = request.rights.principal
    let bucket = keyspace.bucket(user: principal.user, tenant: principal.tenant)
    var keys = accountKeys(principal.user, principal.tenant, bucket)
    if let key = request.idempotencyKey {
      keys.append(keyspace.idempotency(user: principal.user, digest: key, bucket: bucket))
    }
    let rights = RightsEncoding(
      entitlement: request.rights.entitlement, feature: request.rights.feature,
      verify: request.rights.verify, thresholds: ScriptCalls.thresholds)
    return ScriptCalls.call(
      request.afterTheFact ? scripts.usage : scripts.check, keys,
      [
        .bytes(rights.bytes(for: request.rights.caller)),
        .text("\(principal.user)\u{1F}\(principal.tenant ?? "")\u{1F}\(request.feature)"),
        .bytes(ScriptCalls.doubles(request)), .text(operation), .text(request.hold?.text ?? ""),
        .text(request.fingerprint), .text(metadata), .text(request.occurredAt.map { String($0) } ?? ""),
      ])
  }

  /// The thirteen doubles of LoopCheckEngine's `writeRequest`.
  static func doubles(_ request: ModelRequest) -> [UInt8] {
    let calendars = request.calendars
    let mode: Int64 = request.mode == .peek ? 0 : request.mode == .spend ? 1 : 2
    return packed([
      request.epoch, request.deadline, request.tokens, mode, request.ttl, request.partial ? 1 : 0,
      (request.releasesOnExpiry ? 1 : 0) + (request.explains ? 2 : 0) + (request.takesEstimate ? 4 : 0)
        + (request.paysEstimateAtLeast ? 8 : 0), calendars.own.start, calendars.own.stop,
      calendars.pool.start,
      calendars.pool.stop, calendars.day.start, calendars.day.stop,
    ])
  }

  static func packed(_ numbers: [Int64]) -> [UInt8] {
    var out: [UInt8] = []
    for number in numbers { out.appendDouble(number) }
    return out
  }

  private func accountKeys(_ user: String, _ tenant: String?, _ bucket: Int) -> [String] {
    var keys = [
      keyspace.account(.user(user), bucket: bucket), keyspace.readableRest(user: user, bucket: bucket),
      keyspace.stream(bucket: bucket),
    ]
    if let tenant {
      keys += [
        keyspace.account(.tenant(tenant), bucket: bucket), keyspace.poolHolds(tenant, bucket: bucket),
      ]
    }
    return keys
  }

  private func holdKeys(_ hold: HoldID) -> [String] {
    let bucket = keyspace.bucket(user: hold.user, tenant: hold.tenant)
    var keys = accountKeys(hold.user, hold.tenant, bucket)
    keys.insert(keyspace.hold(hold.text, bucket: bucket), at: 3)
    return keys
  }

  /// `tokens` nil: a release.
  func settle(
    _ hold: HoldID, tokens: Int64?, epoch: Int64, deadline: Int64, outcome: String = "", metadata: String = ""
  ) -> [RedisArgument] {
    ScriptCalls.call(
      scripts.settle, holdKeys(hold),
      [
        .bytes(ScriptCalls.packed([epoch, deadline, tokens ?? 0, tokens == nil ? 1 : 0])),
        .text(hold.text), .text(outcome), .text(metadata),
        .bytes(RightsEncoding.encode(ScriptCalls.thresholds)),
      ])
  }

  /// nil: as it was.
  func extend(
    _ hold: HoldID, tokens: Int64?, ttl: Int64?, usedSoFar: Int64? = nil, epoch: Int64, deadline: Int64,
    operation: String
  ) -> [RedisArgument] {
    ScriptCalls.call(
      scripts.extend, holdKeys(hold),
      [
        .bytes(ScriptCalls.packed([epoch, deadline, tokens ?? -1, ttl ?? -1, usedSoFar ?? -1])),
        .text(hold.text), .text(operation), .bytes(RightsEncoding.encode(ScriptCalls.thresholds)),
      ])
  }

  func report(_ request: ModelRequest) -> [RedisArgument] {
    let principal = request.rights.principal
    let bucket = keyspace.bucket(user: principal.user, tenant: principal.tenant)
    var keys = accountKeys(principal.user, principal.tenant, bucket)
    keys.remove(at: 1)
    return ScriptCalls.call(
      scripts.report, keys,
      [
        .bytes(
          RightsEncoding(
            entitlement: request.rights.entitlement, verify: false,
            thresholds: ScriptCalls.thresholds
          ).bytes(for: request.rights.caller)),
        .bytes(ScriptCalls.doubles(request)), "u",
      ])
  }

  /// As ``RedisCounters/apply(_:rolloverMax:carriesDebt:)``.
  func apply(
    _ snapshot: AccountSnapshot, rolloverMax: Int64, carriesDebt: Bool, epoch: Int64
  ) -> [RedisArgument] {
    let account = snapshot.account
    let bucket = bucket(of: snapshot)
    let grants = snapshot.grants.filter { $0.reference.series == .granted }
    let isUser = account.kind == .user
    return ScriptCalls.call(
      scripts.apply,
      [
        keyspace.account(account, bucket: bucket),
        isUser
          ? keyspace.readableRest(user: account.id, bucket: bucket)
          : keyspace.account(account, bucket: bucket),
        keyspace.stream(bucket: bucket), keyspace.lease(account, bucket: bucket),
      ],
      [
        .bytes(ScriptCalls.packed([snapshot.version, epoch, rolloverMax, carriesDebt ? 1 : 0])),
        .bytes(SnapshotEncoding.grants(grants, holds: snapshot.holds, of: account.kind)),
        .text(SnapshotEncoding.owner(of: snapshot)),
        .text("apply:\(account.kind.rawValue):\(account.id):\(snapshot.version)"), .text(isUser ? "u" : "t"),
      ])
  }

  /// A lease, and the load that it allows, as ``AccountLoader`` does.
  func load(_ snapshot: AccountSnapshot, epoch: Int64, now: Int64, nonce: String = "n") -> [[RedisArgument]] {
    let account = snapshot.account
    let bucket = bucket(of: snapshot)
    let accountKey = keyspace.account(account, bucket: bucket)
    let lease = keyspace.lease(account, bucket: bucket)
    var keys = [
      accountKey,
      account.kind == .user ? keyspace.readableRest(user: account.id, bucket: bucket) : accountKey, lease,
      keyspace.stream(bucket: bucket),
    ]
    if account.kind == .tenant { keys.append(keyspace.poolHolds(account.id, bucket: bucket)) }
    let instant = Instant(milliseconds: now)
    var arguments: [RedisArgument] = [
      .text(nonce), .bytes(SnapshotEncoding.header(snapshot, epoch: epoch, now: instant)),
      .bytes(SnapshotEncoding.grants(snapshot.grants, holds: snapshot.holds, of: account.kind)),
      .text(account.kind == .user ? "u" : "t"), .text(SnapshotEncoding.owner(of: snapshot)),
    ]
    for hold in snapshot.holds { arguments += SnapshotEncoding.hold(hold, of: account.kind) }
    return [
      ["SET", .text(lease), .text(nonce), "NX", "PX", 10_000],
      ScriptCalls.call(scripts.load, keys, arguments),
    ]
  }

  func bucket(of snapshot: AccountSnapshot) -> Int {
    snapshot.account.kind == .user
      ? keyspace.bucket(user: snapshot.account.id, tenant: snapshot.tenant)
      : keyspace.bucket(user: "", tenant: snapshot.account.id)
  }
}
