/// How far a comparison with Stripe has come.
package struct SyncRun: Sendable, Equatable {
  /// What is compared, in this order.
  package enum Stage: String, Sendable, CaseIterable { case subscriptions, invoices, events }

  /// Objects of one stage.
  package struct Count: Sendable, Equatable {
    /// Looked at.
    package var seen: Int64 = 0
    /// Those that led to a change.
    package var changed: Int64 = 0
    /// Those that fit no account or plan.
    package var unmatched: Int64 = 0
    /// Nothing yet.
    package init() {}
  }

  /// Whose lease it is.
  package var owner: String
  /// Invoices made since then are compared; nil: all.
  package var since: Instant?
  /// What is under way; nil: all is done.
  package var stage: Stage?
  /// The last object of the last page that is done; nil: none yet.
  package var cursor: String?
  /// When it began.
  package var beganAt: Instant
  /// It goes on where another process stopped.
  package var isResumed: Bool
  /// By stage.
  package var counts: [Stage: Count]

  /// Memberwise.
  package init(
    owner: String, since: Instant?, stage: Stage?, cursor: String? = nil, beganAt: Instant,
    isResumed: Bool = false, counts: [Stage: Count] = [:]
  ) {
    self.owner = owner
    self.since = since
    self.stage = stage
    self.cursor = cursor
    self.beganAt = beganAt
    self.isResumed = isResumed
    self.counts = counts
  }
}

/// Which part of Stripe is to be compared.
package enum SyncScope: Sendable, Equatable {
  /// Since the last run that came to its end; everything where there was none.
  case sinceLastRun
  /// Invoices made since then.
  case since(Instant)
  /// Everything.
  case everything
}

/// Why no comparison begins.
package enum SyncRefusal: Error, Sendable, Equatable {
  /// Another process is at it; its lease ends then.
  case isRunning(leaseUntil: Instant)
  /// The last one is not so long ago.
  case isNotDue
  case store(StoreError)
}

/// Where the position of a comparison is kept: one run at a time, over all processes, by a lease in a row (no
/// session is held, so it works behind any pooler).
package protocol SyncStore: Sendable {
  /// Begins a run, or goes on with one that was left. With `ifLastBefore`, only when the last one began before
  /// then.
  func beginSync(
    _ scope: SyncScope, owner: String, leaseSeconds: Int64, ifLastBefore: Instant?
  ) async throws(SyncRefusal) -> SyncRun
  /// Stores the position and renews the lease. False when the lease is another's by now.
  func saveSync(_ run: SyncRun, leaseSeconds: Int64) async throws(StoreError) -> Bool
  /// Gives the lease up; the position stays.
  func releaseSync(owner: String) async throws(StoreError)
}
