package import Gate
internal import NIOCore

/// What is left, grant by grant: `lua/report.lua`.
extension LoopCheckEngine {
  /// A tenant's pool is asked for as a principal of the tenant's own whose user is empty.
  package func report(_ prepared: PreparedCheck, completion: @escaping (ReportAnswer) -> Void) {
    ask(prepared, .first, completion)
  }

  private func ask(
    _ prepared: PreparedCheck, _ attempt: Attempt, _ completion: @escaping (ReportAnswer) -> Void
  ) {
    let tag = pending.insert(.report(prepared, attempt, completion))
    let principal = prepared.caller
    let bucket = keyspace.bucket(user: principal.user, tenant: principal.tenant)
    let deadline = reportDeadline()
    connection.send(tag: tag, to: self, deadline: deadline) { out in
      writeReport(prepared, bucket: bucket, deadline: deadline, into: &out)
    }
  }

  private func writeReport(
    _ prepared: PreparedCheck, bucket: Int, deadline: NIODeadline, into out: inout ByteBuffer
  ) {
    let principal = prepared.caller
    let isPool = principal.user.isEmpty
    let account = isPool ? AccountID.tenant(principal.tenant ?? "") : .user(principal.user)
    writeHead(scripts.report, keys: principal.tenant == nil ? 2 : isPool ? 3 : 4, arguments: 3, into: &out)
    out.writeBulk(keyspace.account(account, bucket: bucket))
    out.writeBulk(keyspace.stream(bucket: bucket))
    if let tenant = principal.tenant {
      if !isPool { out.writeBulk(keyspace.account(.tenant(tenant), bucket: bucket)) }
      out.writeBulk(keyspace.poolHolds(tenant, bucket: bucket))
    }
    out.writeBulk(
      RightsEncoding(entitlement: prepared.entitlement, verify: false, thresholds: thresholds)
        .bytes(for: principal))
    let call = CheckCall(owner: NobodyWaits.shared)
    call.mode = .peek
    call.deadlineNanoseconds = deadline.uptimeNanoseconds
    writeRequest(call, prepared, into: &out)
    out.writeBulk(isPool ? "t" : "u")
  }

  func received(
    _ reply: borrowing RedisReply, for prepared: PreparedCheck, _ attempt: Attempt,
    _ completion: @escaping (ReportAnswer) -> Void
  ) {
    if loads(after: reply, attempt, deadline: reportDeadline()) {
      return ask(prepared, .second, completion)
    }
    if reply.kind == .error { note(reply, of: scripts.report) }
    guard reply.kind == .string else { return completion(.unavailable) }
    completion(unsafe reply.withBytes { bytes in unsafe decode(bytes, for: prepared) })
  }

  private func decode(_ bytes: UnsafeRawBufferPointer, for prepared: PreparedCheck) -> ReportAnswer {
    switch unsafe bytes.first.map(Unicode.Scalar.init) {
    case "A": break
    case "M": return .missing(.user)
    case "Q": return .missing(.tenant)
    case "W": return .calendarOff
    case "G": return .again
    default: return .unavailable
    }
    var reader = unsafe DoubleReader(bytes, from: 1)
    _ = reader.integer()
    let user = AccountPart(&reader)
    let isPool = prepared.caller.user.isEmpty
    let pool = prepared.caller.tenant == nil || isPool ? nil : AccountPart(&reader)
    guard !reader.isShort else { return .unavailable }
    return .report(report(prepared, user: user, pool: pool))
  }

  private func report(_ prepared: PreparedCheck, user: AccountPart, pool: AccountPart?) -> BudgetReport {
    let entitlement = prepared.entitlement
    let isPooled = entitlement.own == nil && entitlement.pool != nil
    let shown = isPooled ? pool ?? user : user
    let limits = entitlement.limits
    var rates: [(name: String, state: RateState)] = []
    func add(_ name: String, _ limit: Int64?, window: Int64, left: Int64) {
      guard let limit else { return }
      rates.append((name, RateState(limit: limit, windowSeconds: window, remaining: max(0, left))))
    }
    let requests = limits.requests
    add("requests", requests?.count, window: requests?.windowSeconds ?? 0, left: user.requestsLeft)
    add("tokens", limits.tokens?.count, window: limits.tokens?.windowSeconds ?? 0, left: user.tokensLeft)
    add("hourly_tokens", limits.hourlyTokens, window: 3600, left: (limits.hourlyTokens ?? 0) - user.hourTaken)
    add("daily_tokens", limits.dailyTokens, window: 86_400, left: (limits.dailyTokens ?? 0) - user.dayTaken)
    add("concurrent", limits.concurrent, window: 0, left: (limits.concurrent ?? 0) - user.openHolds)
    return BudgetReport(
      user: prepared.caller.user.isEmpty ? nil : prepared.caller.user,
      tenant: prepared.caller.tenant, plan: entitlement.plan?.name,
      status: entitlement.status, budget: shown.budget,
      tenantBudget: entitlement.pool == nil ? nil : pool?.budget, grants: shown.grants, rates: rates,
      version: user.version)
  }
}

/// One account in the script's answer.
private struct AccountPart {
  let version: Int64
  var budget = Budget()
  let openHolds: Int64
  let requestsLeft: Int64
  let tokensLeft: Int64
  let hourTaken: Int64
  let dayTaken: Int64
  var grants: [BudgetReport.LiveGrant] = []

  init(_ reader: inout DoubleReader) {
    version = reader.integer()
    budget.limit = reader.integer()
    budget.used = reader.integer()
    budget.held = reader.integer()
    budget.remaining = reader.integer()
    budget.debt = reader.integer()
    let resets = reader.integer()
    budget.resetsAt = resets > 0 ? Instant(milliseconds: resets) : nil
    _ = reader.integer()
    openHolds = reader.integer()
    requestsLeft = reader.integer()
    tokensLeft = reader.integer()
    hourTaken = reader.integer()
    dayTaken = reader.integer()
    for _ in 0..<min(max(reader.integer(), 0), Int64(Limits.liveGrantsMax) + 2) {
      let code = GrantCode(rawValue: reader.integer()) ?? .adjustment
      let number = reader.integer()
      let tokens = reader.integer()
      let left = reader.integer()
      let expires = reader.integer()
      grants.append(
        BudgetReport.LiveGrant(
          reference: Grant.Reference(code.series, number), kind: code.kind, tokens: tokens, remaining: left,
          expiresAt: expires > 0 ? Instant(milliseconds: expires) : nil))
    }
  }
}

/// A report's request has the form of a check's, but nobody waits for it as for a check.
private final class NobodyWaits: CheckCallOwner, Sendable {
  static let shared = NobodyWaits()
  func completed(_ call: CheckCall) {}
}
