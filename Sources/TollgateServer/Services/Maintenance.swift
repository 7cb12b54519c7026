internal import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle
internal import Settings

/// What has to be done now and then, by any number of gates: partitions ahead, rows out that nobody reads.
struct Maintenance: Service {
  let store: PostgresStore
  /// Whole months of the ledger beside the current one; nil: all.
  let retentionMonths: Int64?
  /// Days that an event is kept after its period.
  let keepEventsDays: Int64
  let billing: PostgresBillingStore
  let stripe: StripeSettings
  let logger: Logger

  private static let every = Duration.seconds(3600)
  /// A little more than the longest window of the statistics.
  private static let decisionDays: Int64 = 32

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await maintain()
        try? await Task.sleep(for: Maintenance.every)
        // Never right after the start: what a gate that died had read and not acknowledged is taken over first.
        if !Task.isCancelled { await archive() }
      }
    }
  }

  private func maintain() async {
    do throws(StoreError) {
      try await store.maintain()
      try await store.pruneEvents(keepDays: keepEventsDays)
      let dropped = try await billing.pruneEvents(
        settledDays: stripe.eventsDays, openDays: stripe.openEventsDays)
      if dropped > 0 { logger.info("old webhook events dropped", metadata: ["events": "\(dropped)"]) }
      try await store.foldDecisions(keepingDays: Maintenance.decisionDays)
    } catch {
      logger.warning("maintenance failed", metadata: ["error": "\(error)"])
    }
  }

  private func archive() async {
    guard let retentionMonths else { return }
    do throws(StoreError) {
      for month in try await store.archiveLedger(keepingMonths: retentionMonths) {
        logger.info("ledger month archived", metadata: ["ledger.month": "\(month.rfc3339.prefix(7))"])
      }
    } catch {
      logger.warning("ledger not archived", metadata: ["error": "\(error)"])
    }
  }
}
