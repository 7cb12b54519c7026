/// What an event tells of. Each type's `data` has one schema for ever; docs/EVENTS.md has them.
package enum EventType: String, Sendable, CaseIterable {
  /// A budget's use reached one of the configured per cents of its limit.
  case thresholdReached = "budget.threshold_reached"

  /// What `tollgate events test` sends: to one target, by hand, and never stored.
  package static let test = "tollgate.test"
}
