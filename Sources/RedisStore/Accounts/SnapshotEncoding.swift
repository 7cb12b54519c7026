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

  /// Member of the account's open holds, and the record of the hold itself, as `lua/account.lua` reads them.
  static func hold(_ hold: HoldRecord, of kind: AccountID.Kind) -> (member: String, record: String) {
    let separator = "\u{1F}"
    let user = allocations(hold.userAllocations, hold.userPeriodStart)
    let tenant = allocations(hold.tenantAllocations, hold.tenantPeriodStart)
    let ids = [hold.user, hold.tenant ?? "", hold.feature].joined(separator: separator)
    let bits =
      (hold.onExpire == .release ? 1 : 0) + (hold.takesFeatureSlot ? 2 : 0) + (hold.feedsEstimate ? 4 : 0)
    let created = String(hold.createdAt.milliseconds)
    let reported = String(hold.reported ?? -1)
    let tokens = String(hold.tokens)
    let member = [hold.id, String(bits), tokens, reported, created, kind == .user ? user : tenant, ids]
    let record = [
      "open", tokens, String(hold.expiresAt.milliseconds), created, String(bits), reported, user, tenant, ids,
    ]
    return (member.joined(separator: separator), record.joined(separator: separator))
  }

  /// Allocations with the start of the period that the hold was made in; nothing at all for an account that it
  /// doesn't draw on.
  private static func allocations(_ own: [Allocation], _ periodStart: Instant?) -> String {
    guard let periodStart else { return "" }
    let names = own.map { "\($0.grant.series.rawValue)\($0.grant.number):\($0.tokens)" }.joined(
      separator: ";")
    return "\(names)@\(periodStart.milliseconds)"
  }

  /// User, tenant and no feature, as an entry of the account's own has them.
  static func owner(of snapshot: AccountSnapshot) -> String {
    snapshot.account.kind == .user
      ? "\(snapshot.account.id)\u{1F}\(snapshot.tenant ?? "")\u{1F}" : "\u{1F}\(snapshot.account.id)\u{1F}"
  }
}
