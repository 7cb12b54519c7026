import Gate

/// What comes from Postgres, and what is asked back.
extension ModelGate {
  /// Merges a newer version: 1 applied, 0 nothing here, -1 not newer. `grants` are those made in Postgres
  /// that are live there.
  mutating func apply(
    _ id: AccountID, version: Int64, grants incoming: [Grant], rolloverMax: Int64, carriesDebt: Bool,
    epoch: Int64
  ) -> Int64 {
    guard var account = account(id, epoch: epoch) else { return 0 }
    guard account.version < version else { return -1 }
    account.version = version
    var news: [Grant.Reference: ModelGrant] = [:]
    for grant in incoming {
      let grant = ModelGrant(grant)
      if grant.isLive(at: now) { news[grant.reference] = grant }
    }
    // Of several periods the last one counts.
    let newest = news.values.filter { $0.kind == .period }.max(by: ModelGrant.isEarlier)
    news = news.filter { $0.value.kind != .period }

    var kept: [ModelGrant] = []
    for var grant in account.grants {
      guard grant.reference.series == .granted else {
        kept.append(grant)
        continue
      }
      if let change = grant.kind == .period ? newest : news[grant.reference] {
        if change.reference == grant.reference {
          grant.tokens = change.tokens
          grant.keepTaken()
          (grant.expires, grant.priority, grant.stop) = (change.expires, change.priority, change.stop)
          news[grant.reference] = nil
        }
        kept.append(grant)
      } else {
        account.retire(grant)
      }
    }
    for var grant in news.values.sorted(by: { $0.reference.number < $1.reference.number })
    where kept.count(where: { $0.reference.series == .granted && $0.used < $0.tokens }) < 32 {
      grant.restore(account, holds, id)
      account.past[grant.reference] = nil
      kept.append(grant)
    }
    account.grants = kept
    account.sort()
    if var newest, account.index(of: newest.reference) == nil {
      newest.restore(account, holds, id)
      account.past[newest.reference] = nil
      account.begin(newest, rolloverMax: rolloverMax, carriesDebt: carriesDebt)
    }
    account.payDebt()
    accounts[id] = account
    if id.kind == .user { readable[id.id] = account.budget.remaining }
    return 1
  }

  /// Everything in Redis is gone and has been rebuilt from the books: what they don't know is forgotten.
  /// `books` are versions and the live grants made in Postgres.
  mutating func rebuild(_ books: [AccountID: (version: Int64, grants: [Grant])], hourUsed: Int64) {
    for id in accounts.keys.sorted(by: { $0.description < $1.description }) {
      guard var account = account(id, epoch: epoch), let (version, granted) = books[id] else { continue }
      account.version = version
      account.ended = nil
      account.requestsArrival = 0
      account.tokensArrival = 0
      account.hour = ModelWindow(start: now - now % 3_600_000, taken: hourUsed)
      account.day = ModelWindow()
      account.announced = 0
      account.features = [:]
      for key in account.open where id.kind == .user {
        guard let hold = holds[key.id], hold.isInFeature else { continue }
        account.features[hold.feature, default: ModelFeature()].open.insert(key.id)
      }
      for grant in account.grants where grant.reference.series == .granted { account.retire(grant) }
      account.grants.removeAll { $0.reference.series == .granted }
      for grant in granted.map({ ModelGrant($0) }) where grant.isLive(at: now) {
        account.grants.append(grant)
        account.grants[account.grants.count - 1].used = account.past.removeValue(forKey: grant.reference) ?? 0
      }
      for index in account.grants.indices { account.grants[index].held = account.held(index, holds, id) }
      for index in account.grants.indices { account.grants[index].keepTaken() }
      account.choosePeriod()
      account.sort()
      account.payDebt()
      accounts[id] = account
      if id.kind == .user { readable[id.id] = account.budget.remaining }
    }
    remembered = [:]
    holds = holds.filter { id, hold in
      hold.state == .open
        && [AccountID.user(hold.id.user), .tenant(hold.id.tenant ?? "")].contains {
          accounts[$0]?.open.contains { $0.id == id } == true
        }
    }
  }
}

extension ModelAccount {
  /// What open holds hold of a grant.
  func held(_ index: Int, _ holds: [String: ModelHold], _ id: AccountID) -> Int64 {
    open.reduce(0) { sum, key in
      let side = id.kind == .user ? holds[key.id]?.own : holds[key.id]?.pool
      return (side?.parts ?? []).reduce(sum) { $1.grant == grants[index].reference ? $0 + $1.tokens : $0 }
    }
  }

  /// One grant is the period's: the last one that was paid or set, else the calendar's.
  mutating func choosePeriod() {
    let periods = grants.filter { $0.kind == .period }
    let paid = periods.filter { !$0.isCalendar }.max(by: ModelGrant.isEarlier)
    guard let newest = paid ?? periods.max(by: ModelGrant.isEarlier) else { return }
    for index in grants.indices where grants[index].isCalendar {
      grants[index].isSuperseded = grants[index].reference != newest.reference
    }
    for grant in periods where !grant.isCalendar && grant.reference != newest.reference {
      retire(grant)
      grants.removeAll { $0.reference == grant.reference }
    }
  }
}

extension ModelGrant {
  init(_ grant: Grant) {
    self.init(
      reference: grant.reference, kind: grant.kind, tokens: grant.tokens,
      expires: grant.expiresAt?.milliseconds ?? 0, priority: grant.priority,
      start: grant.periodStart?.milliseconds ?? 0, stop: grant.periodEnd?.milliseconds ?? 0)
  }

  /// A grant that was here before comes back with what was used of it, and what is held on it.
  mutating func restore(_ account: ModelAccount, _ holds: [String: ModelHold], _ id: AccountID) {
    used = account.past[reference] ?? 0
    for key in account.open {
      let hold = holds[key.id]
      for part in (id.kind == .user ? hold?.own : hold?.pool)?.parts ?? [] where part.grant == reference {
        held += part.tokens
      }
    }
    keepTaken()
  }
}
