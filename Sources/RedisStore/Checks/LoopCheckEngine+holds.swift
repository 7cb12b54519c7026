package import Gate
internal import NIOCore

/// Settle, release, extend, and what is left.
extension LoopCheckEngine {
  package func resolve(_ resolution: HoldResolution, completion: @escaping (HoldAnswer) -> Void) {
    ask(resolution, .first, completion)
  }

  private func ask(
    _ resolution: HoldResolution, _ attempt: Attempt, _ completion: @escaping (HoldAnswer) -> Void
  ) {
    let hold = resolution.hold
    let bucket = keyspace.bucket(user: hold.user, tenant: hold.tenant)
    let user = AccountID.user(hold.user)
    let deadline = NIODeadline.uptimeNanoseconds(resolution.deadlineNanoseconds)
    let tag = pending.insert(.hold(resolution, attempt, completion))
    let function = function(for: resolution)
    connection.send(tag: tag, to: self, deadline: deadline) { out in
      let isExtend = function.name == scripts.extend.name
      writeHead(function, keys: hold.tenant == nil ? 4 : 6, arguments: isExtend ? 4 : 5, into: &out)
      out.writeBulk(keyspace.account(user, bucket: bucket))
      out.writeBulk(keyspace.readableRest(user: hold.user, bucket: bucket))
      out.writeBulk(keyspace.stream(bucket: bucket))
      out.writeBulk(keyspace.hold(hold.text, bucket: bucket))
      if let tenant = hold.tenant {
        out.writeBulk(keyspace.account(.tenant(tenant), bucket: bucket))
        out.writeBulk(keyspace.poolHolds(tenant, bucket: bucket))
      }
      out.writeStaticString(isExtend ? "$40\r\n" : "$32\r\n")
      out.writeDouble(epoch)
      out.writeDouble(redisDeadline(resolution.deadlineNanoseconds))
      switch resolution.action {
      case .settle(let tokens):
        out.writeDouble(tokens)
        out.writeDouble(Int64(0))
      case .release:
        out.writeDouble(Int64(0))
        out.writeDouble(Int64(1))
      case .extend(let tokens, let ttl, let usedSoFar):
        out.writeDouble(tokens ?? -1)
        out.writeDouble(ttl.map { $0 * 1000 } ?? -1)
        out.writeDouble(usedSoFar ?? -1)
      }
      out.writeLineEnd()
      out.writeBulk(hold.text)
      if isExtend {
        writeOperation(resolution.operation, into: &out)
      } else {
        out.writeBulk(resolution.outcome)
        out.writeBulk(resolution.metadata)
      }
      out.writeBulk(thresholdArgument)
    }
  }

  package func recall(_ hold: HoldRecord, completion: @escaping () -> Void) {
    let bucket = keyspace.bucket(user: hold.user, tenant: hold.tenant)
    let record = SnapshotEncoding.record(hold)
    connection.send(
      tag: pending.insert(.recall(completion)), to: self, deadline: reportDeadline()
    ) { out in
      out.writeCommandHeader(argumentCount: 6)
      out.writeBulk("SET" as StaticString)
      out.writeBulk(keyspace.hold(hold.id, bucket: bucket))
      out.writeBulk(record)
      out.writeBulk("NX" as StaticString)
      out.writeBulk("PX" as StaticString)
      out.writeBulk(integer: Limits.lateSettleSeconds * 1000)
    }
  }

  private func function(for resolution: HoldResolution) -> RedisFunction {
    if case .extend = resolution.action { scripts.extend } else { scripts.settle }
  }

  func received(
    _ reply: borrowing RedisReply, for resolution: HoldResolution, _ attempt: Attempt,
    _ completion: @escaping (HoldAnswer) -> Void
  ) {
    if loads(after: reply, attempt, deadline: .uptimeNanoseconds(resolution.deadlineNanoseconds)) {
      return ask(resolution, .second, completion)
    }
    if reply.kind == .error { note(reply, of: function(for: resolution)) }
    guard reply.kind == .string else { return completion(.unavailable) }
    completion(unsafe reply.withBytes { bytes in unsafe holdAnswer(bytes) })
  }

  private func holdAnswer(_ bytes: UnsafeRawBufferPointer) -> HoldAnswer {
    guard let letter = unsafe bytes.first.map(Unicode.Scalar.init) else { return .unavailable }
    switch letter {
    case "A", "B", "P": return unsafe holdNumbers(bytes, letter)
    case "F":
      let parts = unsafe String(decoding: bytes.dropFirst(), as: UTF8.self).split(separator: ":")
      guard parts.count == 2, let tokens = Int64(parts[1]) else { return .unavailable }
      return .finalized(state: String(parts[0]), tokens: tokens)
    case "U": return .unknown
    case "M": return .missing(.user)
    case "Q": return .missing(.tenant)
    case "G": return .again
    default: return .unavailable
    }
  }

  private func holdNumbers(_ bytes: UnsafeRawBufferPointer, _ letter: Unicode.Scalar) -> HoldAnswer {
    var reader = unsafe DoubleReader(bytes, from: 1)
    let now = Instant(milliseconds: reader.integer())
    let tokens = reader.integer()
    var budget = Budget()
    budget.limit = reader.integer()
    budget.used = reader.integer()
    budget.held = reader.integer()
    budget.remaining = reader.integer()
    budget.debt = reader.integer()
    let resets = reader.integer()
    budget.resetsAt = resets > 0 ? Instant(milliseconds: resets) : nil
    _ = reader.integer()
    let reserved = reader.integer()
    guard !reader.isShort else { return .unavailable }
    if letter != "A" {
      return .exhausted(
        scope: letter == "B" ? .user : .tenant, remaining: budget.remaining, resetsAt: budget.resetsAt,
        now: now)
    }
    let expires = reader.integer()
    return .done(
      tokens: tokens, reserved: reserved, budget: budget, now: now,
      expiresAt: reader.isShort ? nil : Instant(milliseconds: expires))
  }
}
