/// Calendar arithmetic, which needs the time-zone database that the domain doesn't import.
package protocol PeriodCalendar: Sendable {
  /// The calendar period that contains `instant`, half-open: [start, end). Of ``BudgetRule/Period/none`` it is
  /// (0, nil): a period without end. ``BudgetRule/Period/subscription`` counts as month.
  func bounds(
    of period: BudgetRule.Period, timeZone: String, at instant: Instant
  ) -> (start: Instant, end: Instant?)
}
