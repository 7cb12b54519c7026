package import Gate
package import Logging

/// Acts on Stripe's events: one transaction that claims the event, locks, decides, writes and marks it → outbox
/// of the accounts it touched. Only after that it counts as done; a failure at any step leaves it to be done
/// again, and doing it twice ends in the same state.
package struct EventProcessor: Sendable {
  let store: any BillingStore
  let outbox: any OutboxApplying
  let decider: BillingDecider
  let stripe: StripeClient?
  /// What became of the events that were processed here.
  package let tally: EventTally
  let logger: Logger

  /// With a client, what an event is about is fetched as it is now instead of taken from the event, and what the
  /// event lacks is asked for; and only events of the key's mode count.
  package init(
    store: any BillingStore, outbox: any OutboxApplying, catalog: Catalog, stripe: StripeClient? = nil,
    logger: Logger
  ) {
    self.store = store
    self.outbox = outbox
    decider = BillingDecider(catalog: catalog)
    self.stripe = stripe
    tally = EventTally()
    self.logger = logger
  }

  /// What processing an event came to.
  struct Run: Sendable {
    /// nil when it had been done before.
    var outcome: WebhookOutcome?
    /// What unmatched events may have waited for.
    var makesKnown: [String] = []
    /// Whose entitlement it may have changed.
    var accounts: [AccountID] = []
    var isAlarming = false
  }

  /// Processes one verified event to its end. Returns only when Redis knows of what it changed, also when another
  /// delivery has done the rest; throws when it could not be processed, or Redis could not be told.
  func process(
    _ event: StripeEvent, receipt: WebhookReceipt, now: Instant, isRepeated: Bool = false
  ) async throws(StoreError) -> Run {
    let run: Run
    do {
      run = try await act(event, receipt: receipt, now: now)
    } catch {
      await recordFailure(receipt, error)
      throw error
    }
    do {
      for account in run.accounts { try await outbox.apply(account) }
    } catch {
      // What is committed stays; the next delivery, or the outbox by itself, tells Redis.
      tally.count(.failed(""))
      throw error
    }
    report(event, run, isRepeated: isRepeated)
    return run
  }

  /// Best effort: where the store is away, Stripe's retry is all that is needed.
  private func recordFailure(_ receipt: WebhookReceipt, _ error: StoreError) async {
    tally.count(.failed(""))
    do {
      try await store.recordFailure(receipt, detail: "\(error)")
    } catch {
      logger.debug("webhook failure not stored", metadata: ["error": "\(error)"])
    }
  }

  private func act(
    _ event: StripeEvent, receipt: WebhookReceipt, now: Instant
  ) async throws(StoreError) -> Run {
    let told = BillingEvent(event, isLive: stripe?.isLive)
    return try await store.transaction { (transaction) async throws(StoreError) -> Run in
      if case .done(let accounts) = try await transaction.claim(receipt) { return Run(accounts: accounts) }
      // Lock, then read: what was read before the lock may be another delivery's past.
      try await transaction.lock(told.locks)
      var (subject, facts) = try await read(told, in: transaction)
      var decision = decider.decide(subject, facts: facts, now: now)
      if let informed = await inform(subject, decision) {
        subject = informed
        facts = try await transaction.facts(subject.question)
        decision = decider.decide(subject, facts: facts, now: now)
      }
      try await transaction.perform(decision.actions, reason: receipt.id)
      let isProcessed = decision.outcome == .processed
      // Also where nothing was written: an earlier run may have been committed and not passed on.
      let accounts = isProcessed ? facts.accounts : []
      var waitsFor: [String] = []
      if case .unmatched = decision.outcome {
        waitsFor = subject.question.waitsFor + facts.paidFor.map { "payment:\($0)" }
      }
      try await transaction.finish(
        event: receipt.id, decision.outcome, WebhookTrail(accounts: accounts, waitsFor: waitsFor))
      return Run(
        outcome: decision.outcome, makesKnown: isProcessed ? subject.makesKnown : [], accounts: accounts,
        isAlarming: decision.isAlarming)
    }
  }

  private func report(_ event: StripeEvent, _ run: Run, isRepeated: Bool) {
    var metadata: Logger.Metadata = ["stripe.event": "\(event.id)", "stripe.type": "\(event.type)"]
    guard let outcome = run.outcome else {
      tally.countDuplicate()
      logger.debug("webhook was done before", metadata: metadata)
      return
    }
    tally.count(outcome)
    metadata["webhook.status"] = "\(outcome.status)"
    if let detail = outcome.detail { metadata["webhook.detail"] = "\(detail)" }
    // What is still unmatched at the next pass is no news.
    guard case .unmatched = outcome else {
      logger.info("webhook", metadata: metadata)
      return
    }
    if isRepeated {
      logger.debug("webhook", metadata: metadata)
    } else if run.isAlarming {
      tally.countUnknownPrice()
      logger.error("webhook names a price that maps to no plan", metadata: metadata)
    } else {
      logger.warning("webhook fits no account", metadata: metadata)
    }
  }
}

extension BillingFacts {
  /// Everyone whose entitlement an event may have changed.
  var accounts: [AccountID] {
    var accounts: [AccountID] = []
    for account in [owner?.account, formerOwner?.account] + purchases.map({ $0.account }) {
      if let account, !accounts.contains(account) { accounts.append(account) }
    }
    return accounts
  }
}
