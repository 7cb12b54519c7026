/// An event as stored: made once by booking, then sent to every target that was known at that moment.
package struct EventRecord: Sendable, Equatable {
  /// Where the deliveries of an event stand, taken together.
  package enum Status: String, Sendable, CaseIterable {
    /// One is still to be made, and none has failed for good.
    case pending
    case delivered
    /// One has failed for good.
    case failed
    /// No target took it.
    case unsent
  }

  /// `evt_…`, the `webhook-id` of every attempt.
  package var id: String
  /// An ``EventType``, or a type that another version made.
  package var type: String
  package var account: AccountID
  /// Who it is about: the account itself, or the user whose request it was.
  package var user: String?
  package var tenant: String?
  /// A JSON object.
  package var data: String
  package var occurredAt: Instant
  /// When it was booked.
  package var createdAt: Instant
  package var status: Status
  /// By target; empty in lists.
  package var deliveries: [EventDelivery]

  package init(
    id: String, type: String, account: AccountID, user: String? = nil, tenant: String? = nil, data: String,
    occurredAt: Instant, createdAt: Instant, status: Status, deliveries: [EventDelivery] = []
  ) {
    self.id = id
    self.type = type
    self.account = account
    self.user = user
    self.tenant = tenant
    self.data = data
    self.occurredAt = occurredAt
    self.createdAt = createdAt
    self.status = status
    self.deliveries = deliveries
  }
}

/// An event on its way to one target.
package struct EventDelivery: Sendable, Equatable {
  package enum Status: String, Sendable, CaseIterable { case pending, delivered, failed }

  package var target: String
  package var status: Status
  /// Made since the event happened or was last replayed, the one under way included.
  package var attempts: Int64
  /// nil unless it is pending.
  package var nextAttemptAt: Instant?
  package var lastAttemptAt: Instant?
  /// The HTTP status of the last attempt; nil where none came.
  package var lastStatus: Int64?
  /// Why the last attempt failed; nil where it didn't.
  package var lastError: String?
  package var deliveredAt: Instant?

  package init(
    target: String, status: Status, attempts: Int64 = 0, nextAttemptAt: Instant? = nil,
    lastAttemptAt: Instant? = nil, lastStatus: Int64? = nil, lastError: String? = nil,
    deliveredAt: Instant? = nil
  ) {
    self.target = target
    self.status = status
    self.attempts = attempts
    self.nextAttemptAt = nextAttemptAt
    self.lastAttemptAt = lastAttemptAt
    self.lastStatus = lastStatus
    self.lastError = lastError
    self.deliveredAt = deliveredAt
  }
}

/// Which events a list has; nil: any.
package struct EventFilter: Sendable, Equatable {
  package var type: String?
  package var status: EventRecord.Status?
  package var account: AccountID?

  package init(type: String? = nil, status: EventRecord.Status? = nil, account: AccountID? = nil) {
    self.type = type
    self.status = status
    self.account = account
  }
}
