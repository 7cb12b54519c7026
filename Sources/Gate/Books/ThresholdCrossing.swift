/// A budget's use reached a per cent of its limit: one event per budget, period and per cent, however often the
/// entry that tells of it is delivered or made anew after a loss.
package struct ThresholdCrossing: Sendable, Equatable {
  /// 1 to 100.
  package var percent: Int64
  /// The period's start; 1970 for a budget without a period.
  package var periodStart: Instant
  /// What was used (debt included) and the limit, at that moment.
  package var used: Int64
  package var limit: Int64
  /// nil: never.
  package var resetsAt: Instant?

  package init(percent: Int64, periodStart: Instant, used: Int64, limit: Int64, resetsAt: Instant?) {
    self.percent = percent
    self.periodStart = periodStart
    self.used = used
    self.limit = limit
    self.resetsAt = resetsAt
  }
}
