package import Gate
internal import NIOCore

/// One check: encode, ask, decode.
extension LoopCheckEngine {
  package func check(_ call: CheckCall, _ prepared: PreparedCheck) { ask(call, prepared, .first) }

  private func ask(_ call: CheckCall, _ prepared: PreparedCheck, _ attempt: Attempt) {
    let tag = pending.insert(.check(call, prepared, attempt))
    let deadline = NIODeadline.uptimeNanoseconds(call.deadlineNanoseconds)
    connection.send(tag: tag, to: self, deadline: deadline) { out in
      if call.holdID == nil, call.idempotencyKey == nil, call.metadata == nil, !call.afterTheFact {
        out.writeBytes(prepared.caller.tenant == nil ? plainHead : pooledHead)
        writeKeys(of: prepared.caller, into: &out)
        writeRights(prepared, into: &out)
        writeRequest(call, prepared, into: &out)
        writeOperation(call.operation, into: &out)
      } else {
        writeWhole(call, prepared, into: &out)
      }
    }
  }

  /// The forms that name a hold, an idempotency record or metadata.
  private func writeWhole(_ call: CheckCall, _ prepared: PreparedCheck, into out: inout ByteBuffer) {
    let principal = prepared.caller
    let bucket = keyspace.bucket(user: principal.user, tenant: principal.tenant)
    let keys = (principal.tenant == nil ? 3 : 5) + (call.idempotencyKey == nil ? 0 : 1)
    // Up to the last that says something.
    let arguments =
      call.occurredAt != nil ? 8 : call.metadata != nil ? 7 : call.idempotencyKey != nil ? 6 : 5
    writeHead(call.afterTheFact ? scripts.usage : scripts.check, keys: keys, arguments: arguments, into: &out)
    writeKeys(of: prepared.caller, into: &out)
    if let key = call.idempotencyKey {
      out.writeBulk(keyspace.idempotency(user: principal.user, digest: key, bucket: bucket))
    }
    writeRights(prepared, into: &out)
    writeRequest(call, prepared, into: &out)
    writeOperation(call.operation, into: &out)
    out.writeBulk(call.holdID ?? "")
    if arguments > 5 { out.writeBulk(call.fingerprint) }
    if arguments > 6 { out.writeBulk(call.metadata ?? "") }
    if let occurred = call.occurredAt { out.writeBulk(String(occurred.milliseconds)) }
  }

  /// The keys that every form of the question begins with. They are put together for each: kept ready, they would be
  /// half of what a principal takes in memory, and come from there no faster (docs/PERFORMANCE.md).
  private func writeKeys(of caller: Caller, into out: inout ByteBuffer) {
    let (user, tenant) = (caller.user, caller.tenant)
    let prefixes = prefixes[keyspace.bucket(user: user, tenant: tenant)]
    out.writeBulk(prefixes.user, user)
    out.writeBulk(prefixes.readableRest, user)
    out.writeBytes(prefixes.stream)
    if let tenant {
      out.writeBulk(prefixes.tenant, tenant)
      out.writeBulk(prefixes.poolHolds, tenant)
    }
  }

  /// The first two arguments: the rights, with this caller's versions in their place, and who asks for what.
  private func writeRights(_ prepared: PreparedCheck, into out: inout ByteBuffer) {
    let start = out.writerIndex
    out.writeBytes(prepared.rights.bytes)
    RightsEncoding.setVersions(of: prepared.caller, in: &out, at: start)
    let (user, tenant) = (prepared.caller.user, prepared.caller.tenant ?? "")
    let feature = prepared.rights.feature.name
    out.writeBulkHeader(length: user.utf8.count + tenant.utf8.count + feature.utf8.count + 2)
    out.writeString(user)
    out.writeInteger(UInt8(0x1F))
    out.writeString(tenant)
    out.writeInteger(UInt8(0x1F))
    out.writeString(feature)
    out.writeLineEnd()
  }

  /// The request's thirteen doubles, in the order of `lua/check.lua`.
  func writeRequest(_ call: CheckCall, _ prepared: PreparedCheck, into out: inout ByteBuffer) {
    let now = now()
    let own = calendars.bounds(prepared.rights.ownCalendar, at: now)
    let pool = calendars.bounds(prepared.rights.poolCalendar, at: now)
    let day = calendars.bounds(prepared.rights.dayCalendar, at: now)
    out.writeStaticString("$104\r\n")
    out.writeDouble(epoch)
    out.writeDouble(redisDeadline(call.deadlineNanoseconds))
    out.writeDouble(call.tokens)
    out.writeDouble(call.mode == .peek ? 0.0 : call.mode == .spend ? 1.0 : 2.0)
    out.writeDouble(call.ttlMilliseconds)
    out.writeDouble(call.partial ? 1.0 : 0.0)
    out.writeDouble(call.options)
    out.writeDouble(own.start.milliseconds)
    out.writeDouble(own.end.milliseconds)
    out.writeDouble(pool.start.milliseconds)
    out.writeDouble(pool.end.milliseconds)
    out.writeDouble(day.start.milliseconds)
    out.writeDouble(day.end.milliseconds)
    out.writeLineEnd()
  }

  func writeOperation(_ operation: OperationID, into out: inout ByteBuffer) {
    out.writeStaticString("$16\r\n")
    out.writeInteger(operation.high)
    out.writeInteger(operation.low)
    out.writeLineEnd()
  }

  func received(
    _ reply: borrowing RedisReply, for call: CheckCall, _ prepared: PreparedCheck, _ attempt: Attempt
  ) {
    if loads(after: reply, attempt, deadline: .uptimeNanoseconds(call.deadlineNanoseconds)) {
      return ask(call, prepared, .second)
    }
    call.verdict = .unavailable
    call.mayHaveRun = true
    if reply.kind == .error { note(reply, of: scripts.check) }
    if reply.kind == .string { unsafe reply.withBytes { bytes in unsafe decode(bytes, into: call) } }
    call.owner.completed(call)
  }

  private func decode(_ bytes: UnsafeRawBufferPointer, into call: CheckCall) {
    guard let letter = unsafe bytes.first, var verdict = CheckVerdict(rawValue: letter) else { return }
    var start = 1
    if verdict == .replayed {
      guard let end = unsafe bytes.dropFirst().firstIndex(of: 0x1F) else { return }
      call.replayedHold = unsafe String(decoding: bytes[1..<end], as: UTF8.self)
      start = end + 2
    }
    var reader = unsafe DoubleReader(bytes, from: start)
    var numbers = CheckNumbers()
    numbers.now = Instant(milliseconds: reader.integer())
    numbers.granted = reader.integer()
    numbers.budget.limit = reader.integer()
    numbers.budget.used = reader.integer()
    numbers.budget.held = reader.integer()
    numbers.budget.remaining = reader.integer()
    numbers.budget.debt = reader.integer()
    let resets = reader.integer()
    numbers.budget.resetsAt = resets > 0 ? Instant(milliseconds: resets) : nil
    numbers.periodSeconds = reader.integer() / 1000
    let left = reader.integer()
    numbers.requestsLeft = left < 0 ? nil : left
    numbers.retryAfterMilliseconds = reader.integer()
    numbers.detail = reader.integer()
    numbers.shadowed = ShadowedLimits(rawValue: reader.integer())
    if call.explains { unsafe readRules(bytes, from: reader.position, into: call) }
    if reader.isShort { verdict = .unavailable }
    if verdict != .replayed, numbers.now.milliseconds > 0 { observe(numbers.now) }
    call.numbers = numbers
    call.verdict = verdict
  }

  private func readRules(_ bytes: UnsafeRawBufferPointer, from position: Int, into call: CheckCall) {
    var reader = unsafe DoubleReader(bytes, from: position)
    while reader.position < bytes.count {
      let numbers = (0..<6).map { _ in reader.integer() }
      guard !reader.isShort, let rule = RuleVerdict.Rule(rawValue: numbers[0]),
        let verdict = RuleVerdict.Verdict(rawValue: numbers[1])
      else { return }
      call.rules.append(
        RuleVerdict(
          rule: rule, verdict: verdict, limit: numbers[2], taken: numbers[3], requested: numbers[4],
          retryAfterMilliseconds: numbers[5]))
    }
  }
}

extension CheckCall {
  /// Bits: release on expiry, explain, take the estimate, pay it at least.
  var options: Int64 {
    (releaseOnExpiry ? 1 : 0) + (explains ? 2 : 0) + (takesEstimate ? 4 : 0) + (paysEstimateAtLeast ? 8 : 0)
  }
}
