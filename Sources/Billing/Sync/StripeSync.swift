package import Gate
package import Logging

/// Why a comparison ended before its end; the position is kept, and the next run goes on there.
package enum SyncFault: Error, Sendable, Equatable {
  /// Stripe's answer.
  case stripe(StripeError)
  /// Another process has taken the run over.
  case leaseLost
  case store(StoreError)
}

/// Compares what is stored with what Stripe has, through the same functions as the webhooks: subscriptions of any
/// status, paid invoices, and events that could not be delivered. Doing any of it twice changes nothing.
package struct StripeSync: Sendable {
  /// Nobody else begins for so long after the last sign of life.
  package static let leaseSeconds: Int64 = 60

  let events: EventProcessor
  let positions: any SyncStore
  let stripe: StripeClient
  let now: @Sendable () -> Instant
  let logger: Logger

  /// `events` has the same Stripe.
  package init(
    events: EventProcessor, positions: any SyncStore, stripe: StripeClient,
    now: @escaping @Sendable () -> Instant, logger: Logger
  ) {
    self.events = events
    self.positions = positions
    self.stripe = stripe.inLane(.background)
    self.now = now
    self.logger = logger
  }

  /// Does a run that was begun to its end. `progress` is told after every page and now and then within one.
  package func run(
    _ run: SyncRun, progress: @Sendable (SyncRun) async -> Void = { _ in }
  ) async throws(SyncFault) -> SyncRun {
    var run = run
    while let stage = run.stage {
      try await page(stage, of: &run, progress)
      await progress(run)
      if Task.isCancelled {
        await release(run)
        return run
      }
    }
    logger.info("stripe sync is through", metadata: ["sync.counts": "\(run.summary)"])
    return run
  }

  /// Gives the lease up, so that the next run needs not wait for its end.
  package func release(_ run: SyncRun) async {
    do {
      try await positions.releaseSync(owner: run.owner)
    } catch {
      logger.debug("sync lease not released", metadata: ["error": "\(error)"])
    }
  }

  /// One page, its position stored when all of it is done.
  private func page(
    _ stage: SyncRun.Stage, of run: inout SyncRun, _ progress: @Sendable (SyncRun) async -> Void
  ) async throws(SyncFault) {
    let page: StripeClient.Page
    do {
      page = try await list(stage, run)
    } catch {
      throw .stripe(error)
    }
    for (index, item) in page.items.enumerated() {
      let outcome = try await take(item, stage)
      run.counts[stage, default: SyncRun.Count()].add(outcome)
      guard index % 10 == 9, index < page.items.count - 1 else { continue }
      // The lease is renewed; the position is the page's beginning until its end.
      try await save(run)
      await progress(run)
    }
    if page.hasMore, let last = page.items.last?["id"].id {
      run.cursor = last
    } else {
      run.stage = stage.next
      run.cursor = nil
    }
    try await save(run)
  }

  private func save(_ run: SyncRun) async throws(SyncFault) {
    let isOurs: Bool
    do {
      isOurs = try await positions.saveSync(run, leaseSeconds: Self.leaseSeconds)
    } catch {
      throw .store(error)
    }
    guard isOurs else { throw .leaseLost }
  }

  private func list(_ stage: SyncRun.Stage, _ run: SyncRun) async throws(StripeError) -> StripeClient.Page {
    var query = StripeForm()
    switch stage {
    case .subscriptions:
      // Without it canceled ones are left out.
      query.set("status", "all")
      return try await stripe.page("/v1/subscriptions", query, after: run.cursor)
    case .invoices:
      query.set("status", "paid")
      query.set("created[gte]", run.since.map { String($0.seconds) })
      return try await stripe.page("/v1/invoices", query, after: run.cursor)
    case .events:
      query.set("delivery_success", "false")
      for type in StripeSync.types { query.set("types[]", type) }
      return try await stripe.page("/v1/events", query, after: run.cursor)
    }
  }

  private func take(_ item: JSONValue, _ stage: SyncRun.Stage) async throws(SyncFault) -> ObjectOutcome {
    do {
      switch stage {
      case .subscriptions: return try await events.take("customer.subscription.updated", item, now: now())
      case .invoices: return try await events.take("invoice.paid", item, now: now())
      case .events:
        guard let event = StripeEvent(item) else { return .unmatched("no event") }
        let receipt = event.receipt(payload: item.text, receivedAt: now())
        let run = try await events.process(event, receipt: receipt, now: now())
        if !run.makesKnown.isEmpty {
          await events.replayUnmatched(waitingFor: run.makesKnown, now: now())
        }
        switch run.outcome {
        case .processed: return .changed
        case .unmatched(let detail): return .unmatched(detail)
        case .ignored, .failed, nil: return .unchanged
        }
      }
    } catch {
      throw .store(error)
    }
  }

  /// Stripe takes at most 20. Those whose loss a list of objects would not make good come first.
  static let types = [
    "checkout.session.completed", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "checkout.session.expired", "charge.refunded",
    "charge.dispute.created", "customer.subscription.created", "customer.subscription.updated",
    "customer.subscription.deleted", "customer.subscription.paused", "customer.subscription.resumed",
    "customer.subscription.trial_will_end", "invoice.paid", "invoice.payment_succeeded",
    "invoice.payment_failed", "invoice.payment_action_required", "invoice_payment.paid", "invoice.voided",
    "customer.updated", "customer.deleted",
  ]
}

extension SyncRun.Stage {
  var next: SyncRun.Stage? {
    let all = SyncRun.Stage.allCases
    return all.firstIndex(of: self).flatMap { $0 + 1 < all.count ? all[$0 + 1] : nil }
  }
}

extension SyncRun.Count {
  mutating func add(_ outcome: ObjectOutcome) {
    seen += 1
    switch outcome {
    case .unchanged: break
    case .changed: changed += 1
    case .unmatched: unmatched += 1
    }
  }
}

extension SyncRun {
  /// For the log.
  package var summary: String {
    Stage.allCases.map { stage in
      let count = counts[stage] ?? Count()
      return "\(stage.rawValue) \(count.seen) (changed \(count.changed), unmatched \(count.unmatched))"
    }.joined(separator: ", ")
  }
}
