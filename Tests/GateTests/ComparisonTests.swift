import Gate
import Testing

/// The two views of an account, side by side.
@Suite struct ComparisonTests {
  private let now = Instant(milliseconds: 1_800_000_000_000)
  private let month = Instant(milliseconds: 1_799_000_000_000)
  private var end: Instant { now.advanced(seconds: 86_400) }

  private func grant(
    _ series: Grant.Reference.Series = .granted, _ number: Int64 = 1,
    role: CountersView.HeldGrant.Role = .extra, tokens: Int64 = 1000, used: Int64 = 100, held: Int64 = 0,
    expires: Instant? = nil, start: Int64 = 0
  ) -> CountersView.HeldGrant {
    CountersView.HeldGrant(
      reference: .init(series, number), role: role, tokens: tokens, used: used, held: held,
      expiresAt: expires,
      priority: 100, start: Instant(milliseconds: start), stop: Instant(milliseconds: 0))
  }

  private func row(
    _ series: Grant.Reference.Series = .granted, _ number: Int64 = 1, kind: Grant.Kind = .topup,
    tokens: Int64 = 1000, used: Int64 = 100, then: Int64? = nil, expires: Instant? = nil, start: Int64 = 0,
    revoked: Bool = false, later: Bool = false, entered: Int64? = nil
  ) -> BooksView.BookedGrant {
    BooksView.BookedGrant(
      grant: Grant(
        reference: .init(series, number), kind: kind, tokens: tokens, used: used,
        periodStart: Instant(milliseconds: start), expiresAt: expires, source: "test", createdAt: month),
      usedThen: then ?? used, isRevoked: revoked, isDefinedLater: later, entered: entered)
  }

  private func hold(
    _ id: String, tokens: Int64 = 50, expires: Instant? = nil, state: HoldRecord.State = .open
  ) -> HoldRecord {
    let parts = [Allocation(grant: .init(.granted, 1), tokens: tokens)]
    return HoldRecord(
      id: id, user: "u", feature: "f", tokens: tokens, expiresAt: expires ?? end, createdAt: month,
      userAllocations: parts, tenantAllocations: parts, state: state)
  }

  private func view(
    _ grants: [CountersView.HeldGrant], holds: [HoldRecord] = [], debt: Int64 = 0, version: Double = 7,
    openHolds: Int64? = nil, rest: String? = nil, kind: AccountID.Kind = .user
  ) -> CountersView {
    let left = grants.reduce(Int64(0)) { $0 + $1.tokens - $1.used - $1.held }
    return CountersView(
      id: AccountID(kind, "u"), bucket: 0, now: now, newest: nil,
      account: .init(
        version: version, epoch: 1, debt: debt, openHolds: openHolds ?? Int64(holds.count),
        nextExpiry: holds.map(\.expiresAt).min(), grants: grants),
      holds: holds, holdsCount: Int64(holds.count), readableRest: rest ?? String(left))
  }

  private func kinds(_ view: CountersView, _ books: BooksView, rest: Bool = true) -> [Difference.Kind] {
    let comparison = Comparison(view, books, comparesRest: rest)
    #expect(!comparison.hasMoved)
    return comparison.differences.map(\.kind)
  }

  @Test func equalIsEqual() {
    let books = BooksView(version: 7, debt: 3, debtThen: 0, grants: [row(used: 130, then: 100)])
    #expect(kinds(view([grant()]), books) == [])
    #expect(kinds(view([grant(used: 101)]), books) == [.grantUsed])
    #expect(kinds(view([grant()], debt: 3), books) == [.debt])
  }

  @Test func anotherVersionIsAMoveFirst() {
    let books = BooksView(version: 8, grants: [row(used: 999)])
    let first = Comparison(view([grant()]), books, comparesRest: true)
    #expect(first.hasMoved && first.differences.isEmpty)
    let last = Comparison(view([grant()], version: 7.5), books, comparesRest: true, isLast: true)
    #expect(!last.hasMoved && last.differences == [Difference(.version, redis: 7, books: 8)])
  }

  @Test func aGrantWhoseTimeHasPassedCountsNowhere() {
    let over = grant(.granted, 2, used: 77, expires: now)
    // Redis may still have it or not; the readable rest may still count it or not.
    for rest in ["900", "1823"] {
      let books = BooksView(version: 7, grants: [row(), row(.granted, 2, used: 5, expires: now)])
      #expect(kinds(view([grant(), over], rest: rest), books) == [])
      #expect(kinds(view([grant()], rest: "900"), books) == [])
    }
    #expect(
      kinds(view([grant()]), BooksView(version: 7, grants: [row(), row(.granted, 3)])) == [.grantMissing])
  }

  @Test func thePeriodThatEndedIsKeptForItsRest() {
    let ended = grant(.calendar, 5, role: .calendar, expires: now, start: 5)
    #expect(kinds(view([grant(), ended], rest: "900"), BooksView(version: 7, grants: [row()])) == [])
  }

  @Test func aSupersededPeriodIsComparedByItsUseAlone() {
    let old = grant(.calendar, 5, role: .superseded, tokens: 40, used: 10, expires: end, start: 5)
    let books = { (used: Int64) in
      BooksView(
        version: 7,
        grants: [
          row(), row(.calendar, 5, kind: .period, tokens: 99, used: used, expires: end, revoked: true),
        ])
    }
    #expect(kinds(view([grant(), old], rest: "900"), books(10)) == [])
    #expect(kinds(view([grant(), old], rest: "900"), books(11)) == [.grantUsed])
  }

  @Test func ofPaidPeriodsTheLastCounts() {
    let paid = row(.granted, 8, kind: .period, start: 20)
    let older = row(.granted, 7, kind: .period, start: 10)
    let books = BooksView(version: 7, grants: [older, paid])
    #expect(kinds(view([grant(.granted, 8, role: .period, start: 20)]), books) == [])
    #expect(kinds(view([]), books) == [.grantMissing])
    // A calendar period that began later has taken its place.
    let calendar = grant(.calendar, 30, role: .calendar, start: 30)
    let withCalendar = BooksView(
      version: 7, grants: [older, paid, row(.calendar, 30, kind: .period, start: 30)])
    #expect(kinds(view([calendar]), withCalendar) == [])
  }

  @Test func aPeriodThatIsYetToBeBookedIsAMove() {
    let books = BooksView(version: 7, grants: [row(.calendar, 30, kind: .period, used: 0, later: true)])
    #expect(kinds(view([]), books) == [])
    let begun = view([grant(.calendar, 30, role: .calendar, start: 30)])
    #expect(Comparison(begun, books, comparesRest: true).hasMoved)
    #expect(!Comparison(begun, books, comparesRest: true, isLast: true).hasMoved)
  }

  @Test func aGrantIsNeverWorthLessThanWhatIsTaken() {
    let books = BooksView(
      version: 7, grants: [row(tokens: 120)],
      holds: [.init(id: "a", record: hold("a"), isChangedLater: false, wasMade: true, ending: nil)])
    #expect(kinds(view([grant(tokens: 150, held: 50)], holds: [hold("a")]), books) == [])
    #expect(kinds(view([grant(tokens: 160, held: 50)], holds: [hold("a")]), books) == [.grantTokens])
  }

  @Test func holdsAreBelievedByTheirEntries() {
    func books(_ holds: BooksView.BookedHold...) -> BooksView {
      BooksView(version: 7, grants: [row()], holds: holds)
    }
    func booked(
      _ record: HoldRecord?, later: Bool = false, made: Bool = true, ending: HoldRecord.State? = nil
    ) -> BooksView.BookedHold {
      .init(id: "a", record: record, isChangedLater: later, wasMade: made, ending: ending)
    }
    let held = view([grant(held: 50)], holds: [hold("a")])
    let free = view([grant()])
    #expect(kinds(held, books(booked(hold("a")))) == [])
    #expect(kinds(held, books(booked(hold("a", state: .settled), later: true))) == [])
    #expect(kinds(free, books(booked(hold("a"), later: true))) == [])
    #expect(kinds(free, books(booked(hold("a")))) == [.holdMissing, .grantHeld])
    #expect(kinds(held, books(booked(nil, made: false))) == [.holdUnknown, .grantHeld])
    #expect(kinds(held, books(booked(nil))) == [.bookedHold])
    #expect(
      kinds(held, books(booked(hold("a", state: .settled), ending: .settled))) == [.holdUnknown, .grantHeld])
    #expect(kinds(held, books(booked(hold("a", tokens: 60)))) == [.holdChanged, .grantHeld])
    #expect(kinds(free, books(booked(hold("a"), ending: .released))) == [.bookedHold])
    let miscounted = view([grant(held: 50)], holds: [hold("a")], openHolds: 3)
    #expect(kinds(miscounted, books(booked(hold("a")))) == [.openHolds])
  }

  @Test func theReadableRestIsTheAccountsOwn() {
    let books = BooksView(version: 7, grants: [row()])
    #expect(kinds(view([grant()], rest: "12"), books) == [.readableRest])
    #expect(kinds(view([grant()], rest: "12"), books, rest: false) == [])
    #expect(kinds(view([grant()], rest: "twelve"), books) == [.readableRest])
    var old = books
    old.mayRestBeOld = true
    #expect(kinds(view([grant()], rest: "12"), old) == [])
  }

  @Test func tablesAreComparedWithTheirEntries() {
    let gap = BooksView.RollupGap(
      start: month, feature: "f", rolledTokens: 1, enteredTokens: 2, rolledEntries: 1, enteredEntries: 1)
    let books = BooksView(
      version: 7, debt: 1, debtThen: 0, enteredDebt: 0, grants: [row(entered: 99)], rollupGaps: [gap])
    // Also of an account that Redis doesn't have.
    var away = view([])
    away.account = nil
    #expect(
      Comparison(away, books, comparesRest: true).differences == [
        Difference(.bookedUsed, "grt_g1", books: 100, entries: 99),
        Difference(.bookedDebt, books: 1, entries: 0),
        Difference(.rollupTokens, "\(month.rfc3339) f", books: 1, entries: 2),
      ])
  }

  @Test func theSameDifferenceGoesOnWithBothSides() {
    let one = Difference(.grantUsed, "grt_g1", redis: 10, books: 4)
    #expect(one.isSame(as: Difference(.grantUsed, "grt_g1", redis: 16, books: 10)))
    #expect(!one.isSame(as: Difference(.grantUsed, "grt_g1", redis: 11, books: 4)))
    #expect(!one.isSame(as: Difference(.grantUsed, "grt_g2", redis: 10, books: 4)))
    #expect(!Difference(.version, redis: 1, books: 2).isSame(as: Difference(.version, redis: 2, books: 3)))
  }

  /// Redis' own clock bounds the moment where its stream has seen less than the books have.
  @Test func theMomentIsNow() {
    var view = view([])
    #expect(view.moment == StreamID(milliseconds: now.milliseconds - 1, sequence: .max))
    view.newest = StreamID(milliseconds: now.milliseconds - 1, sequence: 4)
    #expect(view.moment.sequence == .max)
    view.newest = StreamID(milliseconds: now.milliseconds, sequence: 4)
    #expect(view.moment == view.newest)
  }
}
