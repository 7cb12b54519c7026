import Gate
import Settings
import Testing

/// Expected moments are from the tz database's own tables, written out by hand.
@Suite struct PeriodClockTests {
  static func at(_ text: String) -> Instant { Instant(rfc3339: text) ?? Instant(seconds: .min / 2000) }

  struct Case: Sendable, CustomTestStringConvertible {
    var zone: String
    var period: BudgetRule.Period
    var at: String
    var start: String
    var end: String
    var testDescription: String { "\(zone) \(period) \(at)" }
    init(_ zone: String, _ period: BudgetRule.Period, _ at: String, _ start: String, _ end: String) {
      (self.zone, self.period, self.at, self.start, self.end) = (zone, period, at, start, end)
    }
  }

  @Test(arguments: [
    Case("UTC", .day, "2026-02-28T23:59:59Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
    Case("UTC", .month, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
    Case("UTC", .subscription, "2025-12-31T23:59:59Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    Case("UTC", .month, "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    // 23 and 25 hours.
    Case("Europe/Berlin", .day, "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
    Case("Europe/Berlin", .day, "2026-10-25T00:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    Case("Europe/Berlin", .month, "2026-03-15T00:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
    Case("America/New_York", .day, "2026-03-08T07:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
    Case("America/New_York", .day, "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
    Case("America/New_York", .month, "2026-11-01T03:59:59Z", "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"),
    Case("Asia/Kolkata", .day, "2026-06-01T18:30:00Z", "2026-06-01T18:30:00Z", "2026-06-02T18:30:00Z"),
    Case("Asia/Kolkata", .month, "2026-06-30T18:29:59Z", "2026-05-31T18:30:00Z", "2026-06-30T18:30:00Z"),
    // The 30th of December 2011 did not happen in Samoa.
    Case("Pacific/Apia", .day, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
    Case("Pacific/Apia", .day, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
    Case("Pacific/Apia", .month, "2011-12-31T00:00:00Z", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"),
    // Midnight of the 4th of November 2018 was skipped in São Paulo: the day began at 01:00.
    Case("America/Sao_Paulo", .day, "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
    Case("America/Sao_Paulo", .day, "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"),
    // The hour before midnight of the 18th of February 2018 came twice.
    Case("America/Sao_Paulo", .day, "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"),
    // Clocks went from 00:01 back to 23:01: what follows the first midnight is the new day already.
    Case("America/St_Johns", .day, "2006-10-29T02:45:00Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z"),
  ])
  func `a period begins and ends where the clocks say`(_ example: Case) throws {
    let clock = try #require(PeriodClock(timeZone: example.zone))
    let bounds = try #require(clock.bounds(of: example.period, containing: Self.at(example.at)))
    #expect(bounds.start.rfc3339 == example.start)
    #expect(bounds.end.rfc3339 == example.end)
    #expect(bounds.contains(Self.at(example.at)))
  }

  @Test func `an anchored month keeps its day, or takes the month's last`() throws {
    let clock = try #require(PeriodClock(timeZone: "UTC"))
    let anchor = Self.at("2026-01-31T09:30:00.250Z")
    var instant = anchor
    var ends: [String] = []
    for _ in 0..<5 {
      let bounds = try #require(clock.bounds(of: .month, containing: instant, anchor: anchor))
      #expect(bounds.start == instant)
      #expect(bounds.end.milliseconds % 1000 == 250)
      ends.append(bounds.end.rfc3339)
      instant = bounds.end
    }
    #expect(
      ends == [
        "2026-02-28T09:30:00Z", "2026-03-31T09:30:00Z", "2026-04-30T09:30:00Z", "2026-05-31T09:30:00Z",
        "2026-06-30T09:30:00Z",
      ])
    let leap = clock.bounds(of: .subscription, containing: Self.at("2028-02-10T00:00:00Z"), anchor: anchor)
    #expect(leap?.end.rfc3339 == "2028-02-29T09:30:00Z")
    let before = clock.bounds(of: .month, containing: Self.at("2026-01-31T09:30:00Z"), anchor: anchor)
    #expect(before?.start.rfc3339 == "2025-12-31T09:30:00Z")
    #expect(before?.end == anchor)
  }

  @Test func `an anchored month keeps its time of day across a change of the clocks`() throws {
    let clock = try #require(PeriodClock(timeZone: "Europe/Berlin"))
    let anchor = Self.at("2026-03-15T08:00:00Z")
    let bounds = clock.bounds(of: .month, containing: anchor, anchor: anchor)
    #expect(bounds?.end.rfc3339 == "2026-04-15T07:00:00Z")
  }

  @Test func `a grant that never resets has no period`() throws {
    let clock = try #require(PeriodClock(timeZone: "UTC"))
    #expect(clock.bounds(of: .none, containing: Instant(seconds: 0)) == nil)
    #expect(clock.nextReset(of: .none, after: Instant(seconds: 0)) == nil)
    #expect(clock.nextReset(of: .day, after: Instant(seconds: 0)) == Instant(seconds: 86_400))
  }

  @Test func `the calendar of a catalog answers for its zones, for others, and for none`() {
    let calendar = ZonedCalendar(timeZones: ["Asia/Kolkata"])
    let noon = Self.at("2026-06-15T12:00:00Z")
    func shown(_ period: BudgetRule.Period, _ zone: String) -> [String?] {
      let bounds = calendar.bounds(of: period, timeZone: zone, at: noon)
      return [bounds.start.rfc3339, bounds.end?.rfc3339]
    }
    #expect(shown(.day, "Asia/Kolkata") == ["2026-06-14T18:30:00Z", "2026-06-15T18:30:00Z"])
    #expect(shown(.subscription, "Europe/Berlin") == ["2026-05-31T22:00:00Z", "2026-06-30T22:00:00Z"])
    #expect(shown(.day, "nowhere") == ["2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z"])
    #expect(shown(.none, "UTC") == ["1970-01-01T00:00:00Z", nil])
  }

  @Test func `an hour follows the zone's minutes`() throws {
    let india = try #require(PeriodClock(timeZone: "Asia/Kolkata"))
    let hour = india.hour(containing: Self.at("2026-06-01T10:15:00Z"))
    #expect(hour.start.rfc3339 == "2026-06-01T09:30:00Z")
    #expect(hour.end.rfc3339 == "2026-06-01T10:30:00Z")
    // Lord Howe's clocks go from 02:00 back to 01:30: the second half of that hour comes twice.
    let island = try #require(PeriodClock(timeZone: "Australia/Lord_Howe"))
    let twice = island.hour(containing: Self.at("2026-04-04T15:10:00Z"))
    #expect(twice.start.rfc3339 == "2026-04-04T15:00:00Z")
    #expect(twice.end.rfc3339 == "2026-04-04T15:30:00Z")
  }

  @Test(arguments: [
    "", "Mars/Olympus", "EST5", "GMT+3", "europe/berlin", "../etc/passwd", "CEST", "Europe/berlin",
    "EUROPE/BERLIN",
    "Europe/", "/UTC", "Europe/Ber\0lin",
  ])
  func `what is no IANA name is refused`(name: String) { #expect(PeriodClock(timeZone: name) == nil) }

  /// Every moment is in exactly one period, and periods follow one another without a gap.
  @Test(arguments: [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo",
    "Africa/Casablanca", "Australia/Lord_Howe", "America/St_Johns", "Asia/Gaza",
  ])
  func `periods tile time`(zone: String) throws {
    let clock = try #require(PeriodClock(timeZone: zone))
    let until = Self.at("2021-01-01T00:00:00Z")
    for period in [BudgetRule.Period.day, .month] {
      var instant = Self.at("2005-12-20T00:00:00Z")
      while instant < until {
        let bounds = try #require(clock.bounds(of: period, containing: instant))
        #expect(bounds.contains(instant))
        let next = try #require(clock.bounds(of: period, containing: bounds.end))
        #expect(next.start == bounds.end)
        let last = Instant(milliseconds: bounds.end.milliseconds - 1)
        #expect(clock.bounds(of: period, containing: last) == bounds)
        instant = bounds.end
      }
    }
  }
}
