internal import AdminAPI
internal import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle
internal import Settings
internal import Synchronization

/// Compares accounts that are in use, a few at a time and without end, so that drift shows before anybody asks. One
/// gate does it for all; the lease in Postgres says which.
final class ReconcileService: Service {
  private let reconciler: Reconciler
  private let store: PostgresStore
  private let settings: ReconcileSettings
  private let holder: String
  private let logger: Logger
  private let results = Mutex<[AccountFinding.State: UInt64]>([:])

  private static let requestTime = Duration.seconds(20)
  private static let leaseName = "reconcile"
  private static let leaseSeconds: Int64 = 30
  private static let tickSeconds: Int64 = 10
  /// Entries read to find accounts in; several are of one account.
  private static let entriesPerAccount = 4
  /// Who was not in use for longer has been compared since.
  private static let recentSeconds: Int64 = 3600

  init(
    reconciler: Reconciler, store: PostgresStore, settings: ReconcileSettings, holder: String, logger: Logger
  ) {
    self.reconciler = reconciler
    self.store = store
    self.settings = settings
    self.holder = holder
    self.logger = logger
  }

  /// What this process has found so far, whoever asked for it.
  var counts: [AccountFinding.State: UInt64] { results.withLock { $0 } }

  /// What all gates have found; nil while Postgres doesn't answer.
  func drift() async -> DriftFigures? { try? await store.drift() }

  /// Counts the findings of a run.
  func count(_ report: ReconcileReport) {
    results.withLock { results in
      for state in AccountFinding.State.allCases { results[state, default: 0] += UInt64(report.count(state)) }
    }
  }

  /// One account, or as many of all as can be compared in a request's time; the report says where to go on.
  func answer(_ request: ReconcileRequest, actor: String) async throws(StoreError) -> ReconcileReport {
    let report: ReconcileReport
    if let account = request.account {
      report = try await reconciler.run(account, mends: request.mends, actor: actor)
    } else {
      let end = ContinuousClock.now + ReconcileService.requestTime
      report = try await reconciler.runAll(
        after: request.after, mends: request.mends, perSecond: nil, actor: actor
      ) { _ in ContinuousClock.now < end }
    }
    count(report)
    return report
  }

  func run() async throws {
    guard settings.accountsPerMinute > 0 else {
      try? await gracefulShutdown()
      return
    }
    await cancelWhenGracefulShutdown {
      var moment = Clock.now()
      var owed = 0.0
      while !Task.isCancelled {
        try? await Task.sleep(for: .seconds(ReconcileService.tickSeconds))
        guard !Task.isCancelled else { break }
        owed = min(owed + self.perTick, max(self.perTick, 1))
        let count = Int(owed)
        guard count > 0 else { continue }
        owed -= Double(count)
        moment = await self.sample(count, after: moment)
      }
    }
    try? await store.release(lease: ReconcileService.leaseName, holder: holder)
  }

  private var perTick: Double {
    Double(settings.accountsPerMinute) * Double(ReconcileService.tickSeconds) / 60
  }

  /// Compares up to `count` accounts with entries after a moment; returns the moment to go on at.
  private func sample(_ count: Int, after moment: Instant) async -> Instant {
    do throws(StoreError) {
      let isMine = try await store.lease(
        ReconcileService.leaseName, holder: holder, seconds: ReconcileService.leaseSeconds)
      guard isMine else { return Clock.now() }
      let now = Clock.now()
      // The books go on faster than this looks at them: it takes samples of the last hour, one after the other.
      let start = max(moment, now.advanced(seconds: -ReconcileService.recentSeconds))
      let (places, next) = try await store.accountsInUse(
        after: start, limit: count * ReconcileService.entriesPerAccount)
      guard let next else {
        return now.advanced(seconds: -Int64.random(in: 0..<ReconcileService.recentSeconds))
      }
      var report = ReconcileReport()
      let chosen = Array(places.prefix(count))
      for start in stride(from: 0, to: chosen.count, by: Reconciler.batch) {
        let page = Array(chosen[start..<min(start + Reconciler.batch, chosen.count)])
        let findings = await reconciler.reconcile(page, deep: false, mends: settings.mends)
        try await store.record(findings, actor: nil)
        report.add(findings)
      }
      self.count(report)
      return next
    } catch {
      logger.warning("accounts not compared", metadata: ["error": "\(error)"])
      return moment
    }
  }
}
