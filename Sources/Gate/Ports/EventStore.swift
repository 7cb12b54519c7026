/// The events, as operators look at them.
package protocol EventStore: Sendable {
  /// Newest first, without their deliveries.
  func events(_ filter: EventFilter, _ page: PageRequest) async throws(StoreError) -> Page<EventRecord>
  /// nil when there is no such event.
  func event(_ id: String) async throws(StoreError) -> EventRecord?
  /// Has an event sent again, from the first attempt on, to each of the targets: also to one that has it, or
  /// that wasn't known when it happened. Audited. nil when there is no such event.
  func replayEvent(_ id: String, to targets: [String], actor: String) async throws(StoreError) -> EventRecord?
}

/// The deliveries, as the delivering gates share them. `now` is the caller's clock: the gates' have to agree to
/// within a lease's slack, or an event is sent twice.
package protocol EventDeliveryStore: Sendable {
  /// Makes the targets known: from the return on each booked event has a delivery for each of them. One that
  /// was paused goes on. To be called when a gate starts, before it books anything.
  func registerTargets(_ targets: [EventTarget]) async throws(StoreError)
  /// Says that the targets are still configured; one that no gate has named for a day is forgotten.
  func keepTargets(_ names: [String]) async throws(StoreError)
  /// Leaves a target alone until a gate starts with it.
  func pauseTarget(_ name: String) async throws(StoreError)

  /// Claims deliveries that are due, in the order of their events, at most `limit`.
  func claimDeliveries(
    to target: String, limit: Int, now: Instant, leaseMilliseconds: Int64
  ) async throws(StoreError) -> [EventClaim]
  /// Records how an attempt ended. False when the claim was no longer good: then nothing has changed.
  func finish(_ claim: EventClaim, _ end: EventAttemptEnd, now: Instant) async throws(StoreError) -> Bool

  /// One per name, in that order.
  func eventBacklog(of targets: [String]) async throws(StoreError) -> [EventBacklog]
}
