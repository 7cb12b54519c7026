package import Gate
package import Logging

/// Acts on Stripe's events: one transaction that claims them, locks, decides, writes and stores them → outbox of the
/// accounts they touched. Only after that they count as done; a failure at any step leaves them to be done again,
/// and doing one twice ends in the same state.
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
    let delivery = WebhookDelivery(event: event, receipt: receipt, now: now)
    return try await process([delivery], isRepeated: isRepeated)[0].get()
  }

  /// The same for several events, no id twice, in one transaction: what it costs to begin and to commit, to ask and
  /// to be told is paid once for all of them. Each has an answer of its own, for what fails together is done again
  /// one by one.
  func process(_ deliveries: [WebhookDelivery], isRepeated: Bool = false) async -> [Result<Run, StoreError>] {
    let runs: [Run]
    do {
      runs = try await act(deliveries)
    } catch {
      if deliveries.count > 1 {
        logger.notice("webhooks go one by one", metadata: ["error": "\(error)"])
        var results: [Result<Run, StoreError>] = []
        for delivery in deliveries { results += await process([delivery], isRepeated: isRepeated) }
        return results
      }
      await recordFailure(deliveries[0].receipt, error)
      return [.failure(error)]
    }
    return zip(zip(deliveries, runs), await publish(runs)).map { done, failure in
      if let failure {
        // What is committed stays; the next delivery, or the outbox by itself, tells Redis.
        tally.count(.failed(""))
        return .failure(failure)
      }
      report(done.0.event, done.1, isRepeated: isRepeated)
      return .success(done.1)
    }
  }

  /// Has Redis learn of what was committed; what went wrong for each. One account's trouble is not the others'.
  private func publish(_ runs: [Run]) async -> [StoreError?] {
    var accounts: [AccountID] = []
    var seen: Set<AccountID> = []
    for account in runs.flatMap(\.accounts) where seen.insert(account).inserted { accounts.append(account) }
    do {
      try await outbox.apply(accounts)
      return runs.map { _ in nil }
    } catch {
      guard runs.count > 1 else { return [error] }
      var failures: [StoreError?] = []
      for run in runs { failures += await publish([run]) }
      return failures
    }
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
