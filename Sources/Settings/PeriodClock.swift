package import Gate

/// When the periods of a budget begin and end: pure computation, right across changes of the clocks and
/// ends of months. A day or month begins at the first moment whose local date is its first day, so also
/// where midnight is skipped or comes twice.
package struct PeriodClock: Sendable {
  /// From `start` up to and without `end`.
  package struct Bounds: Sendable, Hashable {
    /// Belongs to the period.
    package var start: Instant
    /// The next period's start.
    package var end: Instant

    /// `start` before `end`.
    package init(start: Instant, end: Instant) {
      self.start = start
      self.end = end
    }

    /// Whether an instant is in the period.
    package func contains(_ instant: Instant) -> Bool { start <= instant && instant < end }
  }

  private let zone: ZoneOffsets

  init(zone: ZoneOffsets) { self.zone = zone }

  /// nil unless `timeZone` is an IANA name.
  package init?(timeZone: String) {
    guard let zone = ZoneOffsets(timeZone) else { return nil }
    self.zone = zone
  }

  /// The period that holds an instant; nil for a period that never ends.
  ///
  /// - Parameter anchor: Where a monthly period began; nil: months of the calendar. A day of the month
  ///   that a month doesn't have is its last day, and comes back in the next that has it.
  package func bounds(
    of period: BudgetRule.Period, containing instant: Instant, anchor: Instant? = nil
  ) -> Bounds? {
    switch period {
    case .none: nil
    case .day: day(containing: instant)
    case .month, .subscription:
      if let anchor { month(containing: instant, anchor: anchor) } else { month(containing: instant) }
    }
  }

  /// When the period that holds an instant gives way to the next; nil: never.
  package func nextReset(
    of period: BudgetRule.Period, after instant: Instant, anchor: Instant? = nil
  ) -> Instant? {
    bounds(of: period, containing: instant, anchor: anchor)?.end
  }

  /// The local calendar day that holds an instant, 22 to 26 hours long.
  package func day(containing instant: Instant) -> Bounds {
    let today = floored(zone.wallSeconds(at: instant), by: 86_400)
    return bounds(around: instant, guess: today) { day in moment(wall: day * 86_400) }
  }

  /// The local calendar month that holds an instant.
  package func month(containing instant: Instant) -> Bounds {
    let today = floored(zone.wallSeconds(at: instant), by: 86_400)
    let (year, month, _) = Instant.civil(fromDays: today)
    return bounds(around: instant, guess: year * 12 + month - 1) { index in
      moment(wall: days(month: index, day: 1) * 86_400)
    }
  }

  /// The clock hour that holds an instant; at a change of the clocks by a part of an hour, the part.
  package func hour(containing instant: Instant) -> Bounds {
    let offset = zone.seconds(at: instant)
    let wall = floored(instant.seconds + offset, by: 3600) * 3600
    var start = Instant(seconds: wall - offset)
    var end = Instant(seconds: wall + 3600 - offset)
    if zone.seconds(at: start) != offset { start = change(after: start, upTo: instant) }
    if zone.seconds(at: Instant(milliseconds: end.milliseconds - 1)) != offset {
      end = change(after: instant, upTo: end)
    }
    return Bounds(start: start, end: end)
  }

  // MARK: -

  private func month(containing instant: Instant, anchor: Instant) -> Bounds {
    let wall = zone.wallSeconds(at: anchor)
    let (year, month, day) = Instant.civil(fromDays: floored(wall, by: 86_400))
    let timeOfDay = wall - floored(wall, by: 86_400) * 86_400
    let milliseconds = anchor.milliseconds - anchor.seconds * 1000
    let now = Instant.civil(fromDays: floored(zone.wallSeconds(at: instant), by: 86_400))
    let first = year * 12 + month - 1
    return bounds(around: instant, guess: now.year * 12 + now.month - 1) { index in
      // The anchor itself, to the millisecond: its wall time may come twice on that day.
      if index == first { return anchor }
      let start = moment(wall: days(month: index, day: day) * 86_400 + timeOfDay)
      return Instant(milliseconds: start.milliseconds + milliseconds)
    }
  }

  /// The span between two neighbours of a rising series of starts that holds an instant. The guess may
  /// be off by one where clocks were put back over a start. Spans of no length, as a day that a zone left
  /// out when it crossed the date line, hold nothing and are passed over.
  private func bounds(
    around instant: Instant, guess: Int64, start: (Int64) -> Instant
  ) -> Bounds {
    var index = guess
    while start(index) > instant { index -= 1 }
    while start(index + 1) <= instant { index += 1 }
    return Bounds(start: start(index), end: start(index + 1))
  }

  /// The first moment at which a clock on the wall shows `wall` or later, and showed less just before.
  private func moment(wall: Int64) -> Instant {
    // No zone has ever been more than 16 hours from UTC, and none changes twice within these two days.
    let before = zone.seconds(at: Instant(seconds: wall - 86_400))
    let after = zone.seconds(at: Instant(seconds: wall + 86_400))
    let early = Instant(seconds: wall - max(before, after))
    let late = Instant(seconds: wall - min(before, after))
    if zone.wallSeconds(at: early) == wall { return early }
    if zone.wallSeconds(at: late) == wall { return late }
    // The clocks were put forward over it.
    return change(after: early, upTo: late)
  }

  /// The moment within (from, to] at which the offset becomes what it is at `to`.
  private func change(after from: Instant, upTo to: Instant) -> Instant {
    let offset = zone.seconds(at: to)
    var low = from.seconds
    var high = to.seconds
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if zone.seconds(at: Instant(seconds: middle)) == offset { high = middle } else { low = middle }
    }
    return Instant(seconds: high)
  }

  /// Days since 1970 of a day of a month counted from year 0; the month's last day if it has fewer.
  private func days(month index: Int64, day: Int64) -> Int64 {
    let year = floored(index, by: 12)
    let month = index - year * 12 + 1
    return Instant.days(fromCivil: year, month, min(day, Instant.days(inMonth: month, year: year)))
  }

  private func floored(_ value: Int64, by divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
