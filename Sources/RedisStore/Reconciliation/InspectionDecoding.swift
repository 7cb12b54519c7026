internal import Gate

/// What `lua/inspect.lua` answers.
enum InspectionDecoding {
  static func view(_ reply: RedisValue, of id: AccountID, bucket: Int) throws(StoreError) -> CountersView {
    guard let parts = reply.array, parts.count >= 5, let now = parts[0].integer,
      let count = parts[3].integer, case .bytes(let packed) = parts[4]
    else { throw .internalError("an account can't be read") }
    var view = CountersView(
      id: id, bucket: bucket, now: Instant(milliseconds: now),
      newest: parts[1].string.flatMap { StreamID($0) }, account: nil, holds: [], holdsCount: count,
      readableRest: parts[2].string.flatMap { $0.isEmpty ? nil : $0 })
    guard !packed.isEmpty else { return view }
    view.account = try account(packed)
    for index in stride(from: 5, to: parts.count - 1, by: 2) {
      guard let member = parts[index].string, let expiry = parts[index + 1].string.flatMap({ Double($0) })
      else { throw .internalError("an open hold can't be read") }
      view.holds.append(hold(member, expiresAt: Instant(milliseconds: Int64(expiry)), of: id.kind))
    }
    return view
  }

  private static func account(_ packed: [UInt8]) throws(StoreError) -> CountersView.Account {
    let numbers = unsafe packed.withUnsafeBytes { bytes in
      var reader = unsafe DoubleReader(bytes, from: 0)
      return (0..<bytes.count / 8).map { _ in reader.double() }
    }
    guard numbers.count >= 6, numbers.allSatisfy({ $0 > -9.1e15 && $0 < 9.1e15 }),
      numbers.count == 6 + 9 * Int(numbers[5])
    else { throw .internalError("an account can't be read") }
    var account = CountersView.Account(
      version: numbers[0], epoch: Int64(numbers[1]), debt: Int64(numbers[2]), openHolds: Int64(numbers[3]),
      nextExpiry: instant(numbers[4]), grants: [])
    for start in stride(from: 6, to: numbers.count, by: 9) {
      guard let code = GrantCode(rawValue: Int64(numbers[start])) else {
        throw .internalError("a grant of an unknown kind")
      }
      account.grants.append(
        CountersView.HeldGrant(
          reference: Grant.Reference(code.series, Int64(numbers[start + 1])), role: role(code),
          tokens: Int64(numbers[start + 2]), used: Int64(numbers[start + 3]),
          held: Int64(numbers[start + 4]), expiresAt: instant(numbers[start + 5]),
          priority: Int64(numbers[start + 6]), start: Instant(milliseconds: Int64(numbers[start + 7])),
          stop: Instant(milliseconds: Int64(numbers[start + 8]))))
    }
    return account
  }

  private static func role(_ code: GrantCode) -> CountersView.HeldGrant.Role {
    switch code {
    case .calendar: .calendar
    case .period: .period
    case .superseded: .superseded
    case .topup, .rollover, .adjustment: .extra
    }
  }

  private static func instant(_ milliseconds: Double) -> Instant? {
    milliseconds > 0 ? Instant(milliseconds: Int64(milliseconds)) : nil
  }

  /// A member of an account's open holds, as `hold_member` in `lua/account.lua` writes it. What nobody can have
  /// written is a hold of no tokens, which the books then don't know.
  private static func hold(_ member: String, expiresAt: Instant, of kind: AccountID.Kind) -> HoldRecord {
    let fields = member.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard fields.count >= 9, let bits = Int64(fields[1]), let tokens = Int64(fields[2]),
      let reported = Int64(fields[3]), let created = Int64(fields[4]),
      let own = EntryDecoding.allocations(fields[5])
    else {
      return HoldRecord(
        id: String(fields.first ?? ""), user: "", feature: "", tokens: 0, expiresAt: expiresAt,
        createdAt: expiresAt)
    }
    let period = EntryDecoding.period(String(fields[5]))
    return HoldRecord(
      id: String(fields[0]), user: String(fields[6]), tenant: fields[7].isEmpty ? nil : String(fields[7]),
      feature: String(fields[8]), tokens: tokens, expiresAt: expiresAt,
      createdAt: Instant(milliseconds: created), onExpire: bits & 1 == 1 ? .release : .charge,
      userAllocations: kind == .user ? own : [], tenantAllocations: kind == .tenant ? own : [],
      userPeriodStart: kind == .user ? period : nil, tenantPeriodStart: kind == .tenant ? period : nil,
      reported: reported < 0 ? nil : reported, takesFeatureSlot: bits & 2 == 2, feedsEstimate: bits & 4 == 4)
  }

  /// A hold's own record while it is open, as `lua/account.lua` has it; nil for any other.
  static func record(_ text: String, id: String) -> HoldRecord? {
    let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard fields.count >= 11, fields[0] == "open", let tokens = Int64(fields[1]),
      let expires = Int64(fields[2]), let created = Int64(fields[3]), let bits = Int64(fields[4]),
      let reported = Int64(fields[5]), let own = EntryDecoding.allocations(fields[6]),
      let pool = EntryDecoding.allocations(fields[7])
    else { return nil }
    return HoldRecord(
      id: id, user: String(fields[8]), tenant: fields[9].isEmpty ? nil : String(fields[9]),
      feature: String(fields[10]), tokens: tokens, expiresAt: Instant(milliseconds: expires),
      createdAt: Instant(milliseconds: created), onExpire: bits & 1 == 1 ? .release : .charge,
      userAllocations: own, tenantAllocations: pool,
      userPeriodStart: EntryDecoding.period(String(fields[6])),
      tenantPeriodStart: EntryDecoding.period(String(fields[7])), reported: reported < 0 ? nil : reported,
      takesFeatureSlot: bits & 2 == 2, feedsEstimate: bits & 4 == 4)
  }
}
