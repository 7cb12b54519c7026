internal import Gate
internal import Logging
internal import Synchronization

/// Carries the events of one target. They start in the order in which they were booked, a few at a time: one that
/// has to be tried again doesn't hold up those behind it, and so may come after them.
final class TargetDeliverer: Sendable {
  /// Attempts under way at once.
  static let concurrencyMax = 4
  /// What a claim outlives the longest attempt by, so that its end can be written.
  private static let leaseSlackMilliseconds: Int64 = 15_000
  /// What attempts under way may still take when the gate stops.
  private static let graceAtEnd = Duration.seconds(5)

  let target: DeliveryTarget
  private let parts: EventDeliverer.Parts
  private let state = Mutex(State())
  private let wakeUps: AsyncStream<Void>
  private let wakeUp: AsyncStream<Void>.Continuation

  private struct State {
    var underWay = 0
    var counters = DeliveryCounters()
  }

  init(_ target: DeliveryTarget, _ parts: EventDeliverer.Parts) {
    self.target = target
    self.parts = parts
    // One is as good as many: each has all that is due looked for.
    (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  var counters: DeliveryCounters { state.withLock { $0.counters } }

  /// Starts nothing more; ``run()`` returns once what is under way has ended.
  func stop() { wakeUp.finish() }

  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.tick() }
      for await _ in wakeUps {
        for claim in await claims() { group.addTask { await self.deliver(claim) } }
      }
      let end = ContinuousClock.now + TargetDeliverer.graceAtEnd
      while state.withLock({ $0.underWay }) > 0, ContinuousClock.now < end, !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(20))
      }
      group.cancelAll()
    }
  }

  private func tick() async {
    while !Task.isCancelled {
      wakeUp.yield()
      try? await Task.sleep(for: parts.pollEvery)
    }
  }

  /// As many as may start now; they count as under way from here on.
  private func claims() async -> [EventClaim] {
    let free = TargetDeliverer.concurrencyMax - state.withLock { $0.underWay }
    guard free > 0 else { return [] }
    do throws(StoreError) {
      let claims = try await parts.store.claimDeliveries(
        to: target.name, limit: free, now: parts.now(),
        leaseMilliseconds: target.timeoutMilliseconds + TargetDeliverer.leaseSlackMilliseconds)
      state.withLock { $0.underWay += claims.count }
      return claims
    } catch {
      parts.logger.warning(
        "events not looked for", metadata: ["event.target": "\(target.name)", "error": "\(error)"])
      return []
    }
  }

  private func deliver(_ claim: EventClaim) async {
    let judgement = await attempt(claim)
    await record(judgement, of: claim)
    state.withLock { $0.underWay -= 1 }
    wakeUp.yield()
  }

  private func attempt(_ claim: EventClaim) async -> AttemptJudgement? {
    let request = EventMessage.request(
      id: claim.id, type: claim.type, occurredAt: claim.occurredAt, data: claim.data, to: target,
      now: parts.now())
    do {
      let reply = try await parts.transport.post(request)
      return AttemptJudgement(
        reply, attempt: claim.attempt, now: parts.now(), jitter: parts.jitter())
    } catch {
      guard !Task.isCancelled else { return nil }
      return AttemptJudgement(
        error as? WebhookFailure ?? WebhookFailure("\(error)"), attempt: claim.attempt, now: parts.now(),
        jitter: parts.jitter())
    }
  }

  /// When this fails, the lease ends, and the attempt is made again: the target knows it by its id. `judgement` is
  /// nil for an attempt that was given up.
  private func record(_ judgement: AttemptJudgement?, of claim: EventClaim) async {
    let end = judgement?.end ?? .abandoned
    do throws(StoreError) {
      // First the pause, so that nobody takes another one in between.
      if judgement?.pausesTarget == true { try await parts.store.pauseTarget(target.name) }
      guard try await parts.store.finish(claim, end, now: parts.now()) else { return }
    } catch {
      parts.logger.warning("the end of an attempt is not recorded", metadata: metadata(claim, "\(error)"))
      return
    }
    state.withLock { state in
      switch end {
      case .delivered: state.counters.delivered += 1
      case .retry: state.counters.retried += 1
      case .failed: state.counters.failed += 1
      case .abandoned: break
      }
    }
    switch end {
    case .delivered: parts.logger.debug("event delivered", metadata: metadata(claim, nil))
    case .retry(_, _, let error):
      parts.logger.notice("event not delivered yet", metadata: metadata(claim, error))
    case .failed(_, let error):
      parts.logger.warning("event given up", metadata: metadata(claim, error))
    case .abandoned: break
    }
  }

  private func metadata(_ claim: EventClaim, _ error: String?) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "event.id": "\(claim.id)", "event.target": "\(claim.target)", "event.attempt": "\(claim.attempt)",
    ]
    if let error { metadata["error"] = "\(error)" }
    return metadata
  }
}
