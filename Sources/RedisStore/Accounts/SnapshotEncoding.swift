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

  /// What `lua/load.lua` is given of each hold.
  static func hold(_ hold: HoldRecord, of kind: AccountID.Kind) -> [RedisArgument] {
    switch kind {
    case .user: [.text(hold.id), .text(record(hold))]
    case .tenant: [.integer(hold.expiresAt.milliseconds), .text(poolMember(hold))]
    }
  }

  /// The record of an open hold, as `lua/account.lua` reads it.
  static func record(_ hold: HoldRecord) -> String {
    [
      "open", String(hold.tokens), String(hold.expiresAt.milliseconds), String(hold.createdAt.milliseconds),
      bits(hold), String(hold.reported ?? -1), allocations(hold.userAllocations, hold.userPeriodStart),
      allocations(hold.tenantAllocations, hold.tenantPeriodStart), ids(hold),
    ].joined(separator: separator)
  }

  /// A member of a pool's open holds, as `lua/account.lua` reads it.
  private static func poolMember(_ hold: HoldRecord) -> String {
    [
      hold.id, bits(hold), String(hold.tokens), String(hold.reported ?? -1),
      String(hold.createdAt.milliseconds), allocations(hold.tenantAllocations, hold.tenantPeriodStart),
      ids(hold),
    ].joined(separator: separator)
  }

  private static let separator = "\u{1F}"
  private static func ids(_ hold: HoldRecord) -> String {
    [hold.user, hold.tenant ?? "", hold.feature].joined(separator: separator)
  }
  private static func bits(_ hold: HoldRecord) -> String {
    String(
      (hold.onExpire == .release ? 1 : 0) + (hold.takesFeatureSlot ? 2 : 0) + (hold.feedsEstimate ? 4 : 0))
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
