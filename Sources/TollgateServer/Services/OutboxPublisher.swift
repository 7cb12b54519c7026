package import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle

/// Carries changes from Postgres to Redis: inline before the call that made one answers, at once when a trigger
/// notifies of one (plain SQL by another system), and by looking at the outbox for what neither did.
package struct OutboxPublisher: OutboxApplying, Service {
  let outbox: any OutboxStore
  let principals: any PrincipalStore
  let counters: any CounterStore
  let catalog: Catalog
  let listener: PostgresListener
  let pollMilliseconds: Int64
  let rowsMax: Int
  let logger: Logger

  package func apply(_ account: AccountID) async throws(StoreError) { try await apply([account]) }

  package func apply(_ accounts: [AccountID]) async throws(StoreError) {
    guard !accounts.isEmpty else { return }
    let rows = try await outbox.pendingOutbox(accounts: accounts)
    try await publish(accounts)
    if !rows.isEmpty { try await outbox.markApplied(rows.map(\.id)) }
  }

  /// Tells Redis the accounts as they are now: that covers every row written so far, in any order. Throws what went
  /// wrong first, when all were tried.
  private func publish(_ accounts: [AccountID]) async throws(StoreError) {
    let snapshots = try await principals.snapshots(of: accounts)
    let gone = Set(accounts).subtracting(snapshots.map(\.account))
    let failure = await withTaskGroup(of: StoreError?.self) { group in
      for snapshot in snapshots {
        group.addTask { await error { () async throws(StoreError) in try await publish(snapshot) } }
      }
      for account in gone {
        group.addTask {
          await error { () async throws(StoreError) in try await counters.forget(account, tenant: nil) }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let failure { throw failure }
  }

  private func error(_ body: () async throws(StoreError) -> Void) async -> StoreError? {
    do {
      try await body()
      return nil
    } catch {
      return error
    }
  }

  private func publish(_ snapshot: AccountSnapshot) async throws(StoreError) {
    let plan = snapshot.plan ?? (snapshot.account.kind == .user ? catalog.defaultPlan : nil)
    let rule = plan.flatMap { catalog.plans[$0]?.budget }
    try await counters.apply(
      snapshot, rolloverMax: rule?.rolloverMax ?? 0, carriesDebt: rule?.debt == .carry)
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.followNotifications() }
        group.addTask { await self.poll() }
      }
    }
    listener.close()
  }

  /// Older rights were fenced off already, when the notification came in; here the new ones follow.
  private func followNotifications() async {
    for await event in listener.events {
      if Task.isCancelled { return }
      guard case .payload(let text) = event, let announcement = Announcement(text) else {
        await drain()
        continue
      }
      let account = announcement.account
      do throws(StoreError) {
        let rows = try await outbox.pendingOutbox(accounts: [account])
        guard !rows.isEmpty else { continue }
        try await publish([account])
        try await outbox.markApplied(rows.map(\.id))
      } catch {
        logger.warning("change not applied yet", metadata: ["account": "\(account)", "error": "\(error)"])
      }
    }
  }

  private func poll() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(pollMilliseconds))
      await drain()
    }
  }

  /// Applies what is pending until nothing is, or something fails.
  private func drain() async {
    do throws(StoreError) {
      while !Task.isCancelled {
        let rows = try await outbox.pendingOutbox(limit: rowsMax)
        guard !rows.isEmpty else { return }
        for account in Set(rows.map(\.account)) {
          try await publish([account])
          try await outbox.markApplied(rows.filter { $0.account == account }.map(\.id))
        }
      }
    } catch {
      logger.warning("outbox not applied yet", metadata: ["error": "\(error)"])
    }
  }
}
