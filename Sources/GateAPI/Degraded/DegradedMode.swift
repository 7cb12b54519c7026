package import Gate
internal import Synchronization

/// What the loops of a gate share for answering while the counters are away.
package final class DegradedMode: Sendable {
  package let allowance: DegradedAllowance
  let charges: any ChargeStore
  /// What this process is called in the charges.
  package let gate: String
  /// What a degraded answer may take beyond the deadline of the check, milliseconds: who is calling is read anew,
  /// and what is allowed is written down. On paths of `/authz` the deadline is that of everything.
  let waitMilliseconds: Int64
  /// The wall clock: Redis' own is not to be had.
  let now: @Sendable () -> Instant
  private let withdrawn = Mutex<[String]>([])

  /// Past it, what came too late is charged all the same: as after any 503, the caller can't know.
  private static let withdrawnMax = 10_000

  package init(
    allowance: DegradedAllowance, charges: any ChargeStore, gate: String, waitMilliseconds: Int64,
    now: @escaping @Sendable () -> Instant
  ) {
    self.allowance = allowance
    self.charges = charges
    self.gate = gate
    self.waitMilliseconds = waitMilliseconds
    self.now = now
  }

  /// Notes that a charge may be recorded for which nobody was told "allowed".
  func withdraw(_ operation: String) {
    withdrawn.withLock { if $0.count < DegradedMode.withdrawnMax { $0.append(operation) } }
  }

  /// Takes those charges back. On an error they are tried again with the next call.
  package func flushWithdrawn() async throws(StoreError) {
    let operations = withdrawn.withLock { $0 }
    guard !operations.isEmpty else { return }
    try await charges.withdraw(operations: operations)
    withdrawn.withLock { $0.removeFirst(operations.count) }
  }
}

/// One loop's way to the charges.
final class DegradedLoop {
  let mode: DegradedMode
  /// Users that service keys name, read anew.
  let users: StatementBatches<String, Principal?>
  /// What is about to be allowed; of a repeated idempotency key, what was allowed under it before.
  let recordings: StatementBatches<DegradedCharge, DegradedCharge?>

  init(_ mode: DegradedMode) {
    self.mode = mode
    let charges = mode.charges
    users = StatementBatches { users async throws(StoreError) in try await charges.principals(users: users) }
    recordings = StatementBatches { entries async throws(StoreError) in try await charges.record(entries) }
  }
}
