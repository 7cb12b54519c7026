internal import Gate
internal import GateAPI
internal import Logging
internal import NIOCore
internal import RedisStore
internal import ServiceLifecycle

/// Charges what was allowed while the counters were away, as soon as they are back: each charge exactly once,
/// whichever gate allowed it, whichever gates collect, and whatever is killed meanwhile.
///
/// - A charge is leased to one collector at a time. No question about it reaches the counters after the lease: the
///   script itself refuses it.
/// - Before it is charged, everything in the usage stream is booked, and the books are asked for its operation. A
///   check that was taken after all, and an earlier attempt, are found there.
/// - Within a lease an idempotency record keeps a second attempt from charging again.
/// - It is marked as collected when the books have it, not before: what Redis loses meanwhile is charged anew.
struct ChargeCollector: Service {
  let charges: any ChargeCollecting
  let counters: ChargeCounters
  let mode: DegradedMode
  /// The usage streams of all buckets.
  let streams: [UsageStream]
  /// As of ``AccountLoader``.
  let flushed: @Sendable (Int) async -> Bool
  let logger: Logger

  private static let every = Duration.milliseconds(500)
  private static let everyAfterFailure = Duration.seconds(1)
  private static let chargesMax = 256
  private static let usersAtOnce = 8
  private static let leaseMilliseconds: Int64 = 10_000
  /// Nothing is begun so long before the lease ends.
  private static let marginMilliseconds: Int64 = 2_000
  /// After a failure: longer than any question that may still be on its way.
  private static let pauseMilliseconds: Int64 = 1_500
  /// A reservation that can't be handed over now is looked at again after so long.
  private static let holdMilliseconds: Int64 = 2_000

  /// What is to be done about a charge.
  enum Step: Sendable {
    case collected
    /// Charged or handed over: collected once the books have it.
    case taken
    case later
    /// Ends here, with so much owed.
    case expired(owed: Int64)
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do throws(StoreError) {
          try await collect()
          try? await Task.sleep(for: ChargeCollector.every)
        } catch {
          logger.warning("charges not collected yet", metadata: ["error": "\(error)"])
          try? await Task.sleep(for: ChargeCollector.everyAfterFailure)
        }
      }
    }
    // Answers that came too late while the gate drained.
    try? await mode.flushWithdrawn()
  }

  private func collect() async throws(StoreError) {
    try await mode.flushWithdrawn()
    guard await counters.isReady else { return }
    while !Task.isCancelled {
      let lease = ChargeCollector.leaseMilliseconds
      let limit = NIODeadline.now() + .milliseconds(lease - ChargeCollector.marginMilliseconds)
      let claimed = try await charges.claimCharges(
        limit: ChargeCollector.chargesMax, leaseMilliseconds: lease)
      if claimed.isEmpty { break }
      do throws(StoreError) {
        try await collect(claimed, until: limit)
      } catch {
        try await charges.postpone(claimed, milliseconds: ChargeCollector.pauseMilliseconds)
        throw error
      }
      if claimed.count < ChargeCollector.chargesMax { break }
    }
    try await replenish()
  }

  /// Users who owe nothing any more have their allowance back.
  private func replenish() async throws(StoreError) {
    let settled = mode.allowance.settledUsers()
    guard !settled.isEmpty else { return }
    let owing = Set(try await charges.usersOwing(gate: mode.gate))
    mode.allowance.forget(settled.filter { !owing.contains($0.key) })
  }

  // MARK: One lease

  private func collect(_ claimed: [DegradedCharge], until limit: NIODeadline) async throws(StoreError) {
    let booked = try await bookedKinds(claimed)
    let steps = await steps(claimed, booked, until: limit)
    var collected: [DegradedCharge] = []
    var taken: [DegradedCharge] = []
    var late: [DegradedCharge] = []
    var failure: StoreError?
    for (charge, step) in steps {
      switch step {
      case .success(.collected): collected.append(charge)
      case .success(.taken): taken.append(charge)
      case .success(.later): late.append(charge)
      case .success(.expired(let owed)): try await charges.expire(charge, owed: owed)
      case .failure(let error): failure = error
      }
    }
    if !taken.isEmpty {
      let now = try await bookedKinds(taken)
      // A report is done then. A reservation that was handed over is, too, unless it was settled meanwhile.
      collected += taken.filter { now[$0.operation] != nil }
    }
    try await charges.markCollected(collected)
    try await charges.postpone(late, milliseconds: ChargeCollector.holdMilliseconds)
    if !collected.isEmpty {
      logger.info("charges collected", metadata: ["charges.count": "\(collected.count)"])
    }
    if let failure { throw failure }
  }

  /// What the books say of them, once they have everything that the streams had.
  private func bookedKinds(
    _ charges: [DegradedCharge]
  ) async throws(StoreError) -> [String: LedgerEntry.Kind] {
    for stream in streams { try await stream.waitUntilBooked(milliseconds: 3_000, flushed: flushed) }
    return try await self.charges.bookedKinds(operations: charges.map(\.operation))
  }

  /// Users at the same time, the charges of each in their order.
  private func steps(
    _ claimed: [DegradedCharge], _ booked: [String: LedgerEntry.Kind], until limit: NIODeadline
  ) async -> [(DegradedCharge, Result<Step, StoreError>)] {
    typealias Steps = [(DegradedCharge, Result<Step, StoreError>)]
    var users = Dictionary(grouping: claimed, by: \.user).values.makeIterator()
    return await withTaskGroup(of: Steps.self) { group in
      func add() {
        guard let charges = users.next() else { return }
        group.addTask {
          var steps: Steps = []
          for charge in charges.sorted(by: { $0.at < $1.at }) {
            do throws(StoreError) {
              guard NIODeadline.now() < limit else { throw .unavailable("the lease is over") }
              steps.append((charge, .success(try await step(charge, booked[charge.operation], until: limit))))
            } catch {
              steps.append((charge, .failure(error)))
            }
          }
          return steps
        }
      }
      for _ in 0..<ChargeCollector.usersAtOnce { add() }
      var all: Steps = []
      while let steps = await group.next() {
        all += steps
        add()
      }
      return all
    }
  }
}
