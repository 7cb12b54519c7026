package import Gate

/// ``PeriodClock`` for the time zones of a catalog, made once. A call costs some microseconds outside UTC:
/// who asks for every check keeps the answer until its end.
package struct ZonedCalendar: PeriodCalendar {
  private let clocks: [String: PeriodClock]
  private let utc: PeriodClock

  /// Ready for every time zone that the catalog's plans name.
  package init(_ catalog: Catalog) {
    self.init(timeZones: catalog.plans.values.map(\.budget.timeZone))
  }

  /// Ready for these; names that are no IANA name count as UTC.
  package init(timeZones: [String]) {
    utc = PeriodClock(zone: .utc)
    clocks = Dictionary(
      Set(timeZones).compactMap { name in PeriodClock(timeZone: name).map { (name, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// As ``PeriodCalendar`` has it. A zone that isn't among the catalog's is looked up each time, and an
  /// unknown one counts as UTC: the settings have refused it before.
  package func bounds(
    of period: BudgetRule.Period, timeZone: String, at instant: Instant
  ) -> (start: Instant, end: Instant?) {
    let clock = clocks[timeZone] ?? PeriodClock(timeZone: timeZone) ?? utc
    guard let bounds = clock.bounds(of: period, containing: instant) else {
      return (Instant(milliseconds: 0), nil)
    }
    return (bounds.start, bounds.end)
  }
}
