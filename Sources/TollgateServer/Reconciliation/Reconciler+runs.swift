internal import Gate
internal import RedisStore
internal import Settings

/// One account, or all of them page by page.
extension Reconciler {
  /// Throws `notFound` when there is no such account.
  func run(_ account: AccountID, mends: Bool, actor: String?) async throws(StoreError) -> ReconcileReport {
    guard let place = try await books.place(of: account) else {
      throw .notFound("\(account.kind.rawValue) `\(account.id)`")
    }
    let findings = await reconcile([place], deep: true, mends: mends)
    guard !findings.isEmpty else { throw .notFound("\(account.kind.rawValue) `\(account.id)`") }
    try await books.record(findings, actor: actor)
    var report = ReconcileReport()
    report.add(findings)
    return report
  }

  /// All accounts after one, users before tenants, until `goesOn` says no: it is told what was found so far. At most
  /// so many `perSecond` (nil: as fast as the stores answer).
  func runAll(
    after: AccountID?, mends: Bool, perSecond: Int?, actor: String?,
    goesOn: (ReconcileReport) async -> Bool
  ) async throws(StoreError) -> ReconcileReport {
    var report = ReconcileReport()
    report.after = after
    let start = ContinuousClock.now
    while true {
      let limit = min(Reconciler.batch, perSecond ?? Reconciler.batch)
      let page = try await books.places(after: report.after, limit: limit)
      guard let last = page.last else {
        report.after = nil
        return report
      }
      let findings = await reconcile(page, deep: true, mends: mends)
      try await books.record(findings, actor: actor)
      report.add(findings)
      report.after = last.account
      guard await goesOn(report) else { return report }
      if let perSecond {
        let due = start + .milliseconds(Int64(report.accounts) * 1000 / Int64(max(1, perSecond)))
        do { try await Task.sleep(until: due) } catch { throw .unavailable("it was given up") }
      }
    }
  }
}

extension Backend {
  /// Over the backend's stores; `loader` puts evicted accounts back.
  func reconciler(loader: any AccountLoading) -> Reconciler {
    Reconciler(
      counters: RedisInspector(client: client, keyspace: keyspace, epochs: epochs), books: store,
      principals: store, loader: loader, catalog: settings.catalog, logger: logger)
  }
}
