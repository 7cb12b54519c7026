internal import Gate

/// A usage stream's entry as the scripts write it: fields joined by 0x1f, in the order of `book` in
/// `lua/account.lua`; what an entry has no use for is left off or empty.
enum EntryDecoding {
  /// nil for what no script of ours wrote.
  static func decode(_ text: String, id: StreamID, bucket: Int) -> LedgerEntry? {
    let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard fields.count >= 11, let kind = LedgerEntry.Kind(rawValue: String(fields[0])),
      let side = LedgerEntry.Side(rawValue: String(fields[1])), let tokens = Int64(fields[6]),
      let userDebt = Int64(fields[8]), let tenantDebt = Int64(fields[10]),
      let userAllocations = allocations(fields[7]), let tenantAllocations = allocations(fields[9])
    else { return nil }
    func field(_ index: Int) -> String? {
      index < fields.count && !fields[index].isEmpty ? String(fields[index]) : nil
    }
    let user = String(fields[3])
    let tenant = field(4)
    let feature = String(fields[5])
    var hold: HoldRecord?
    if let holdID = field(11) {
      let bits = field(15).flatMap { Int64($0) } ?? 0
      let created = field(14).flatMap { Int64($0) } ?? id.milliseconds
      hold = HoldRecord(
        id: holdID, user: user, tenant: tenant, feature: feature,
        tokens: field(12).flatMap { Int64($0) } ?? 0,
        expiresAt: Instant(milliseconds: field(13).flatMap { Int64($0) } ?? 0),
        createdAt: Instant(milliseconds: created), onExpire: bits & 1 == 1 ? .release : .charge,
        userAllocations: field(17).flatMap { allocations($0[...]) } ?? [],
        tenantAllocations: field(18).flatMap { allocations($0[...]) } ?? [],
        userPeriodStart: field(17).flatMap(period), tenantPeriodStart: field(18).flatMap(period),
        reported: field(16).flatMap { Int64($0) }.flatMap { $0 < 0 ? nil : $0 },
        takesFeatureSlot: bits & 2 == 2, feedsEstimate: bits & 4 == 4, state: state(after: kind),
        settledTokens: kind == .reserve || kind == .extend ? nil : tokens)
    }
    return LedgerEntry(
      bucket: bucket, id: id, kind: kind, side: side, operation: String(fields[2]), user: user,
      tenant: tenant, feature: feature, tokens: tokens, userAllocations: userAllocations, userDebt: userDebt,
      tenantAllocations: tenantAllocations, tenantDebt: tenantDebt, hold: hold,
      grant: field(21).flatMap { grant($0, at: Instant(milliseconds: id.milliseconds)) },
      crossing: field(22).flatMap(crossing),
      shadowed: ShadowedLimits(rawValue: field(23).flatMap { Int64($0) } ?? 0),
      occurredAt: field(24).flatMap { Int64($0) }.map(Instant.init(milliseconds:)), outcome: field(19),
      metadata: field(20))
  }

  private static func state(after kind: LedgerEntry.Kind) -> HoldRecord.State {
    switch kind {
    case .release: .released
    case .expire: .expired
    case .settle, .correct: .settled
    default: .open
    }
  }

  /// `c1764547200000:1200;g17:30`, of a hold followed by `@` and the start of its period.
  static func allocations(_ text: Substring) -> [Allocation]? {
    var allocations: [Allocation] = []
    for part in text.prefix(while: { $0 != "@" }).split(separator: ";") {
      let pair = part.split(separator: ":")
      guard pair.count == 2, let reference = reference(pair[0]), let tokens = Int64(pair[1]) else {
        return nil
      }
      allocations.append(Allocation(grant: reference, tokens: tokens))
    }
    return allocations
  }

  /// Behind the `@` of a hold's allocations; nil where it has none on the account.
  static func period(_ text: String) -> Instant? {
    text.split(separator: "@", omittingEmptySubsequences: false).dropFirst().first.flatMap { Int64($0) }.map(
      Instant.init(milliseconds:))
  }

  /// `80:1764547200000:40000:50000:1767225600000`: per cent, start of the period, used, limit, end.
  private static func crossing(_ text: String) -> ThresholdCrossing? {
    let numbers = text.split(separator: ":").compactMap { Int64($0) }
    guard numbers.count == 5 else { return nil }
    return ThresholdCrossing(
      percent: numbers[0], periodStart: Instant(milliseconds: numbers[1]), used: numbers[2],
      limit: numbers[3], resetsAt: numbers[4] > 0 ? Instant(milliseconds: numbers[4]) : nil)
  }

  private static func reference(_ text: Substring) -> Grant.Reference? { Grant.Reference("grt_\(text)") }

  /// `c1764547200000:0:1000000:…`: name, kind, tokens, expiry, priority, start and end of the period.
  private static func grant(_ text: String, at now: Instant) -> Grant? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 7, let reference = reference(parts[0]),
      let code = Int64(parts[1]).flatMap(GrantCode.init(rawValue:)), let tokens = Int64(parts[2]),
      let expires = Int64(parts[3]), let priority = Int64(parts[4]), let start = Int64(parts[5]),
      let end = Int64(parts[6])
    else { return nil }
    func instant(_ value: Int64) -> Instant? { value > 0 ? Instant(milliseconds: value) : nil }
    return Grant(
      reference: reference, kind: code.kind, tokens: tokens, periodStart: Instant(milliseconds: start),
      periodEnd: instant(end), expiresAt: instant(expires), priority: priority, source: "calendar",
      createdAt: now)
  }
}
