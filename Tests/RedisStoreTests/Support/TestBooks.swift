import Gate

@testable import RedisStore

/// The ledger without a Postgres: sums of the entries, by the rules of its booking statement.
struct TestBooks {
  struct Line: Hashable {
    let account: AccountID
    let grant: Grant.Reference
  }
  var used: [Line: Int64] = [:]
  var debt: [AccountID: Int64] = [:]
  var tokens: [String: Int64] = [:]
  /// The grants that scripts made, as they were defined last.
  var defined: [Line: Grant] = [:]
  var holds: [String: MirroredHold] = [:]
  var crossings: [ModelCrossing] = []

  /// A hold as the entries tell of it, and whether each account's side of it is resolved.
  struct MirroredHold {
    var record: HoldRecord
    var isUserResolved = false
    var isTenantResolved = false
  }
  var count = 0
  var unreadable: [String] = []

  mutating func add(_ text: String, id: StreamID) {
    guard let entry = EntryDecoding.decode(text, id: id, bucket: 0) else {
      unreadable.append(text)
      return
    }
    add(entry)
  }

  mutating func add(_ entry: LedgerEntry) {
    count += 1
    if !entry.user.isEmpty {
      add(entry.userAllocations, .user(entry.user))
      debt[.user(entry.user), default: 0] += entry.userDebt
    }
    if let tenant = entry.tenant {
      add(entry.tenantAllocations, .tenant(tenant))
      debt[.tenant(tenant), default: 0] += entry.tenantDebt
    }
    let counted: [LedgerEntry.Kind] = [.spend, .usage, .settle, .correct, .expire]
    if entry.side != .tenant, counted.contains(entry.kind) { tokens[entry.user, default: 0] += entry.tokens }
    if entry.kind == .period, let grant = entry.grant {
      let account = entry.side == .tenant ? AccountID.tenant(entry.tenant ?? "") : .user(entry.user)
      defined[Line(account: account, grant: grant.reference)] = grant
    }
    if let hold = entry.hold {
      var mirrored = holds[hold.id] ?? MirroredHold(record: hold)
      if hold.state == .open {
        mirrored.record = hold
      } else {
        mirrored.isUserResolved = mirrored.isUserResolved || entry.side != .tenant
        mirrored.isTenantResolved = mirrored.isTenantResolved || entry.side != .user
      }
      holds[hold.id] = mirrored
    }
    if entry.kind == .threshold {
      guard let crossing = entry.crossing else { return unreadable.append("\(entry)") }
      crossings.append(
        ModelCrossing(
          account: entry.side == .tenant ? .tenant(entry.tenant ?? "") : .user(entry.user),
          percent: crossing.percent, periodStart: crossing.periodStart.milliseconds, used: crossing.used,
          limit: crossing.limit))
    }
  }

  private mutating func add(_ allocations: [Allocation], _ account: AccountID) {
    for allocation in allocations {
      used[Line(account: account, grant: allocation.grant), default: 0] += allocation.tokens
    }
  }

  /// What Postgres would give: grants with what was used of them, debt and open holds.
  func snapshot(
    of account: AccountID, tenant: String?, version: Int64, granted: [Grant], hourUsed: Int64, now: Int64
  ) -> AccountSnapshot {
    var grants = granted
    for (line, grant) in defined where line.account == account { grants.append(grant) }
    grants.removeAll { $0.expiresAt.map { $0.milliseconds <= now } ?? false }
    for index in grants.indices {
      grants[index].used = used[Line(account: account, grant: grants[index].reference)] ?? 0
    }
    grants.sort {
      ($0.expiresAt?.milliseconds ?? .max, $0.priority, $0.reference.number)
        < ($1.expiresAt?.milliseconds ?? .max, $1.priority, $1.reference.number)
    }
    let open = holds.values.filter { hold in
      account.kind == .user
        ? hold.record.user == account.id && !hold.isUserResolved
        : hold.record.tenant == account.id && !hold.isTenantResolved
    }.map(\.record)
    return AccountSnapshot(
      account: account, tenant: tenant, version: version, grants: grants, debt: debt[account] ?? 0,
      holds: open.sorted { $0.id < $1.id }, hourUsed: hourUsed)
  }
}
