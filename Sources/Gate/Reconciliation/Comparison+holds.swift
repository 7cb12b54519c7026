extension Comparison {
  /// What of the holds is wrong: in Redis, or in the books' mirror of them, which the ledger's entries tell.
  mutating func compareHolds(_ account: CountersView.Account) {
    let open = Dictionary(counters.holds.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    var held: [Grant.Reference: Int64] = [:]
    var expectedCount: Int64 = 0
    func add(_ hold: HoldRecord) {
      expectedCount += 1
      for part in parts(hold) { held[part.grant, default: 0] += part.tokens }
    }
    for hold in books.holds {
      let live = open[hold.id]
      switch judge(hold, live) {
      case .asInRedis: if let live { add(live) }
      case .asBooked:
        if let record = hold.record { add(record) }
      case .gone: break
      }
    }
    for grant in account.grants where !isOver(grant.expiresAt) {
      let expected = held[grant.reference] ?? 0
      if grant.held != expected {
        note(.grantHeld, grant.reference.description, redis: grant.held, books: expected)
      }
    }
    if account.openHolds != counters.holdsCount {
      note(.openHolds, redis: account.openHolds, books: expectedCount)
    }
    if let first = counters.holds.map(\.expiresAt).min(),
      account.nextExpiry.map({ $0 > first }) ?? true
    {
      note(.nextExpiry, redis: account.nextExpiry?.milliseconds, books: first.milliseconds)
    }
  }

  private enum Truth { case asInRedis, asBooked, gone }

  /// Which side is to be believed about one hold; notes what the other has wrong.
  private mutating func judge(_ hold: BooksView.BookedHold, _ live: HoldRecord?) -> Truth {
    if hold.isChangedLater { return .asInRedis }
    let isOpen = hold.record?.state == .open
    if let live {
      if isOpen {
        // The ledger has the end of it, though neither side does: the row is mended first, then Redis.
        if hold.ending != nil {
          note(.bookedHold, hold.id)
          return .asInRedis
        }
        if let record = hold.record, !isEqual(record, live) {
          note(.holdChanged, hold.id, redis: live.tokens, books: record.tokens)
          return .asBooked
        }
        return .asInRedis
      }
      if hold.wasMade, hold.ending == nil {
        note(.bookedHold, hold.id, redis: live.tokens)
        return .asInRedis
      }
      note(.holdUnknown, hold.id, redis: live.tokens)
      return .gone
    }
    guard isOpen, let record = hold.record else { return .gone }
    if hold.ending != nil {
      note(.bookedHold, hold.id, books: record.tokens)
      return .gone
    }
    note(.holdMissing, hold.id, books: record.tokens)
    return .asBooked
  }

  private func parts(_ hold: HoldRecord) -> [Allocation] {
    counters.id.kind == .user ? hold.userAllocations : hold.tenantAllocations
  }

  private func isEqual(_ booked: HoldRecord, _ live: HoldRecord) -> Bool {
    func sums(_ hold: HoldRecord) -> [Grant.Reference: Int64] {
      parts(hold).reduce(into: [:]) { $0[$1.grant, default: 0] += $1.tokens }
    }
    return booked.tokens == live.tokens && booked.expiresAt == live.expiresAt
      && booked.reported == live.reported && sums(booked) == sums(live)
  }
}
