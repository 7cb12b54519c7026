internal import Gate

/// An account from the books, packed as `lua/account.lua` reads it.
enum SnapshotEncoding {
  static func header(_ snapshot: AccountSnapshot, epoch: Int64, now: Instant) -> [UInt8] {
    let hour = now.milliseconds - now.milliseconds % 3_600_000
    var out: [UInt8] = []
    let fields: [Int64] = [
      snapshot.version, epoch, snapshot.debt, 0, 0, 0, 0, hour, snapshot.hourUsed, 0, 0, -1,
      Int64(snapshot.grants.count),
    ]
    for field in fields { out.appendDouble(field) }
    return out
  }

  /// Nine doubles a grant, with what was used and is held of it: a load needs that, and a merge does for a grant
  /// that Redis had given up and that comes back.
  static func grants(_ grants: [Grant], holds: [HoldRecord], of kind: AccountID.Kind) -> [UInt8] {
    var held: [Grant.Reference: Int64] = [:]
    for hold in holds {
      for allocation in kind == .user ? hold.userAllocations : hold.tenantAllocations {
        held[allocation.grant, default: 0] += allocation.tokens
      }
    }
    var out: [UInt8] = []
    for grant in grants {
      let fields: [Int64] = [
        GrantCode(grant).rawValue, grant.reference.number, grant.tokens, grant.used,
        held[grant.reference] ?? 0, grant.expiresAt?.milliseconds ?? 0, grant.priority,
        grant.periodStart?.milliseconds ?? 0, grant.periodEnd?.milliseconds ?? 0,
      ]
      for field in fields { out.appendDouble(field) }
    }
    return out
  }

  /// Member of the account's open holds, and the record of the hold itself.
  static func hold(_ hold: HoldRecord, in snapshot: AccountSnapshot) -> (member: String, record: String) {
    let separator = "\u{1F}"
    let user = allocations(hold.userAllocations, otherSide: hold.tenantAllocations, hold, snapshot)
    let tenant =
      hold.tenant == nil
      ? "" : allocations(hold.tenantAllocations, otherSide: hold.userAllocations, hold, snapshot)
    let ids = [hold.user, hold.tenant ?? "", hold.feature].joined(separator: separator)
    let onExpire = hold.onExpire == .charge ? "0" : "1"
    let own = snapshot.account.kind == .user ? user : tenant
    let created = String(hold.createdAt.milliseconds)
    let member = [hold.id, onExpire, String(hold.tokens), created, own, ids].joined(separator: separator)
    let record = [
      "open", String(hold.tokens), String(hold.expiresAt.milliseconds), created, onExpire, user, tenant, ids,
    ].joined(separator: separator)
    return (member, record)
  }

  /// Allocations with the start of the period that the hold was made in; nothing at all for an account that it
  /// doesn't draw on.
  private static func allocations(
    _ own: [Allocation], otherSide: [Allocation], _ hold: HoldRecord, _ snapshot: AccountSnapshot
  ) -> String {
    if own.isEmpty && !otherSide.isEmpty { return "" }
    let start = periodStart(own, hold, snapshot)
    let names = own.map { "\($0.grant.series.rawValue)\($0.grant.number):\($0.tokens)" }.joined(
      separator: ";")
    return "\(names)@\(start)"
  }

  /// The start of the period that a hold was made in, as far as the books still know it; 0 for none.
  private static func periodStart(_ own: [Allocation], _ hold: HoldRecord, _ snapshot: AccountSnapshot)
    -> Int64
  {
    let drawn = snapshot.grants.filter { grant in own.contains { $0.grant == grant.reference } }
    if let start = drawn.first(where: { $0.kind == .period })?.periodStart { return start.milliseconds }
    // Of a calendar period that is over its grant's name, which no period begins at again.
    if let calendar = own.first(where: { $0.grant.series == .calendar }) { return calendar.grant.number }
    // A period that was paid for after the hold was made isn't the hold's, whenever it began.
    let known = snapshot.grants.filter { grant in
      grant.kind == .period && (grant.reference.series == .calendar || grant.createdAt <= hold.createdAt)
    }
    if let last = known.compactMap(\.periodStart).filter({ $0 <= hold.createdAt }).max() {
      return last.milliseconds
    }
    // What it draws on is over, and its period with it: no period starts at 1.
    return drawn.count < Set(own.map(\.grant)).count ? 1 : 0
  }
}
