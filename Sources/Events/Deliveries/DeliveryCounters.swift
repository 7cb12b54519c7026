/// What one process has seen of its attempts to one target, since it started.
package struct DeliveryCounters: Sendable, Equatable {
  package var delivered: UInt64 = 0
  /// Attempts that failed and will be repeated.
  package var retried: UInt64 = 0
  /// Deliveries that were given up.
  package var failed: UInt64 = 0

  package init() {}
}
