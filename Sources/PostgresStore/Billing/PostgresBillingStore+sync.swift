package import Gate

extension PostgresBillingStore: SyncStore {
  /// See ``SyncStore/beginSync(_:owner:leaseSeconds:ifLastBefore:)``.
  package func beginSync(
    _ scope: SyncScope, owner: String, leaseSeconds: Int64, ifLastBefore: Instant?
  ) async throws(SyncRefusal) -> SyncRun {
    let result: Result<SyncRun, SyncRefusal>
    do {
      result = try await pool.transaction { (transaction) async throws(StoreError) in
        let held = try await transaction.query("SELECT *, now() AS now FROM stripe_sync FOR UPDATE")
        guard let row = held.first, let now = row.instant("now") else {
          throw .internalError("stripe_sync is empty")
        }
        if let until = row.instant("lease_until"), until > now {
          return .failure(.isRunning(leaseUntil: until))
        }
        let lastBegan = row.instant("last_began_at")
        if let before = ifLastBefore, let lastBegan, lastBegan >= before { return .failure(.isNotDue) }
        let run = Self.next(row, scope, owner: owner, now: now, lastBegan: lastBegan)
        try await Self.write(run, leaseSeconds: leaseSeconds, transaction)
        return .success(run)
      }
    } catch {
      throw .store(error)
    }
    return try result.get()
  }

  /// See ``SyncStore/saveSync(_:leaseSeconds:)``.
  package func saveSync(_ run: SyncRun, leaseSeconds: Int64) async throws(StoreError) -> Bool {
    try await pool.transaction { (transaction) async throws(StoreError) -> Bool in
      let held = try await transaction.query("SELECT owner FROM stripe_sync FOR UPDATE")
      guard held.first?.string("owner") == run.owner else { return false }
      try await Self.write(run, leaseSeconds: leaseSeconds, transaction)
      if run.stage == nil {
        _ = try await transaction.query(
          "UPDATE stripe_sync SET last_began_at = began_at, finished_at = now(), owner = NULL, lease_until = NULL"
        )
      }
      return true
    }
  }

  /// See ``SyncStore/releaseSync(owner:)``.
  package func releaseSync(owner: String) async throws(StoreError) {
    _ = try await pool.query(
      "UPDATE stripe_sync SET owner = NULL, lease_until = NULL WHERE owner = $1", [.text(owner)])
  }

  /// Subscriptions that are mirrored: about as many as a comparison will meet.
  package func mirroredSubscriptions() async throws(StoreError) -> Int64 {
    try await pool.query("SELECT count(*) AS mirrored FROM subscriptions").first?.int("mirrored") ?? 0
  }

  /// More than needed: what Stripe made while the last run was at its lists is looked at again.
  private static let overlapSeconds: Int64 = 3600

  private static func next(
    _ row: PostgresRow, _ scope: SyncScope, owner: String, now: Instant, lastBegan: Instant?
  ) -> SyncRun {
    let since: Instant? =
      switch scope {
      case .everything: nil
      case .since(let instant): instant
      case .sinceLastRun: lastBegan?.advanced(seconds: -overlapSeconds)
      }
    // One that was left goes on if it covers what is asked for.
    if let stage = row.string("stage").flatMap({ SyncRun.Stage(rawValue: $0) }),
      let began = row.instant("began_at")
    {
      let held = row.instant("since")
      let covers = held.map { held in since.map { held <= $0 } ?? false } ?? true
      if covers {
        let numbers = (row.intArray("counts") ?? []).map { $0 ?? 0 }
        return SyncRun(
          owner: owner, since: held, stage: stage, cursor: row.string("cursor"), beganAt: began,
          isResumed: true, counts: counts(numbers))
      }
    }
    return SyncRun(owner: owner, since: since, stage: SyncRun.Stage.allCases.first, beganAt: now)
  }

  private static func counts(_ numbers: [Int64]) -> [SyncRun.Stage: SyncRun.Count] {
    var counts: [SyncRun.Stage: SyncRun.Count] = [:]
    for (index, stage) in SyncRun.Stage.allCases.enumerated() where numbers.count >= 3 * index + 3 {
      var count = SyncRun.Count()
      (count.seen, count.changed, count.unmatched) =
        (numbers[3 * index], numbers[3 * index + 1], numbers[3 * index + 2])
      counts[stage] = count
    }
    return counts
  }

  private static func write(
    _ run: SyncRun, leaseSeconds: Int64, _ transaction: PostgresTransaction
  ) async throws(StoreError) {
    let numbers = SyncRun.Stage.allCases.flatMap { stage in
      let count = run.counts[stage] ?? SyncRun.Count()
      return [count.seen, count.changed, count.unmatched]
    }
    _ = try await transaction.query(
      """
      UPDATE stripe_sync SET owner = $1, lease_until = now() + $2 * interval '1 second', since = $3,
        stage = $4, cursor = $5, began_at = $6, counts = $7
      """,
      [
        .text(run.owner), .int(leaseSeconds), .instant(orNull: run.since),
        .text(orNull: run.stage?.rawValue), .text(orNull: run.cursor), .instant(run.beganAt),
        .intArray(numbers),
      ])
  }
}
