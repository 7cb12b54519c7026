internal import Gate
internal import Logging
internal import ServiceLifecycle

/// Writes the books of holds whose users never came back. Nothing waits for it: an expired hold stops counting on
/// the next look at its account, and this only takes that look.
struct HoldSweeper: Service {
  let ledger: any LedgerStore
  let budgets: any BudgetReading
  let now: @Sendable () -> Instant
  let logger: Logger

  private static let every = Duration.seconds(30)
  private static let accountsMax = 500
  /// Long enough that what is already in the stream is not swept for nothing.
  private static let graceSeconds: Int64 = 30

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        try? await Task.sleep(for: HoldSweeper.every)
        await sweep()
      }
    }
  }

  private func sweep() async {
    do throws(StoreError) {
      let before = now().advanced(seconds: -HoldSweeper.graceSeconds)
      for account in try await ledger.accountsWithExpiredHolds(before: before, limit: HoldSweeper.accountsMax)
      {
        switch account.kind {
        case .user: _ = try await budgets.report(user: account.id)
        case .tenant: _ = try await budgets.report(tenant: account.id)
        }
      }
    } catch {
      logger.warning("expired holds not swept", metadata: ["error": "\(error)"])
    }
  }
}
