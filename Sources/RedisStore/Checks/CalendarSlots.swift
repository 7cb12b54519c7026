internal import Gate

/// The current bounds of every calendar that some budget follows: worked out once per boundary, not per check.
struct CalendarSlots {
  struct Slot {
    let period: BudgetRule.Period
    let timeZone: String
    var start = Instant(milliseconds: 0)
    /// 0: without end.
    var end = Instant(milliseconds: 0)
    var isKnown = false

    func contains(_ now: Instant) -> Bool {
      isKnown && now >= start && (now < end || end.milliseconds == 0)
    }
  }

  private let calendar: any PeriodCalendar
  private(set) var slots: [Slot] = []

  init(calendar: any PeriodCalendar) { self.calendar = calendar }

  /// The number of the slot for a calendar, made when it is new.
  mutating func slot(of period: BudgetRule.Period, timeZone: String) -> Int {
    if let index = slots.firstIndex(where: { $0.period == period && $0.timeZone == timeZone }) {
      return index
    }
    slots.append(Slot(period: period, timeZone: timeZone))
    return slots.count - 1
  }

  /// The slot's bounds around `now`.
  mutating func bounds(_ index: Int, at now: Instant) -> (start: Instant, end: Instant) {
    if !slots[index].contains(now) {
      let (start, end) = calendar.bounds(of: slots[index].period, timeZone: slots[index].timeZone, at: now)
      slots[index].start = start
      slots[index].end = end ?? Instant(milliseconds: 0)
      slots[index].isKnown = true
    }
    return (slots[index].start, slots[index].end)
  }
}
