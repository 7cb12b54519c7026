package import Gate
package import Logging
package import Signatures

/// Takes Stripe's events: verify on the raw bytes → one transaction that claims the event, locks,
/// decides, writes and marks it → outbox of the accounts it touched → answer. A failure at any step
/// leaves the event unprocessed and answers 503, so that Stripe's retry does it.
package struct WebhookProcessor: Sendable {
  let store: any BillingStore
  let outbox: any OutboxApplying
  let secrets: WebhookSecrets
  let decider: BillingDecider
  let isLive: Bool?
  let stripe: StripeClient?
  let toleranceSeconds: Int64
  let logger: Logger

  /// `isLive` is the mode of the configured API key; nil without one, and then events of either mode count.
  /// With a client, a subscription is fetched as it is now instead of taken from its event.
  package init(
    store: any BillingStore, outbox: any OutboxApplying, secrets: WebhookSecrets, catalog: Catalog,
    isLive: Bool? = nil, stripe: StripeClient? = nil,
    toleranceSeconds: Int64 = StripeSignature.toleranceSecondsDefault, logger: Logger
  ) {
    self.store = store
    self.outbox = outbox
    self.secrets = secrets
    decider = BillingDecider(catalog: catalog)
    self.isLive = isLive
    self.stripe = stripe
    self.toleranceSeconds = toleranceSeconds
    self.logger = logger
  }

  /// Answers one delivery. The body is what came over the wire, at most 1 MiB (the listener's limit).
  package func receive(rawBody: [UInt8], signatureHeader: String?, now: Instant) async -> WebhookAnswer {
    do {
      try StripeSignature.verify(
        header: signatureHeader ?? "", rawBody: rawBody, secrets: secrets, now: now.seconds,
        toleranceSeconds: toleranceSeconds)
    } catch {
      logger.notice("webhook refused", metadata: ["webhook.refusal": "\(error.rawValue)"])
      return .signatureInvalid
    }
    guard let event = StripeEvent(rawBody: rawBody), let payload = String(validating: rawBody, as: UTF8.self)
    else {
      logger.warning("webhook payload is no event", metadata: ["http.body_bytes": "\(rawBody.count)"])
      return .payloadInvalid
    }
    let receipt = WebhookReceipt(id: event.id, type: event.type, payload: payload, receivedAt: now)
    do {
      let run = try await process(event, receipt: receipt, now: now)
      if !run.mentions.isEmpty { await replayUnmatched(mentioning: run.mentions, now: now) }
      return .received
    } catch {
      logger.error(
        "webhook not processed",
        metadata: ["stripe.event": "\(event.id)", "stripe.type": "\(event.type)", "error": "\(error)"])
      return .storeUnavailable
    }
  }

  /// What processing an event came to.
  struct Run: Sendable {
    /// nil when it had been done before.
    var outcome: WebhookOutcome?
    /// Texts of unmatched events that may fit now.
    var mentions: [String] = []
  }

  /// Processes one verified event to its end; throws with the event stored as failed.
  func process(
    _ event: StripeEvent, receipt: WebhookReceipt, now: Instant, isRepeated: Bool = false
  ) async throws(StoreError) -> Run {
    let result: Result
    do {
      result = try await act(event, receipt: receipt, now: now)
    } catch {
      await recordFailure(receipt, error, wasCommitted: false)
      throw error
    }
    do {
      for account in result.accounts { try await outbox.apply(account) }
    } catch {
      await recordFailure(receipt, error, wasCommitted: true)
      throw error
    }
    report(event, result.run, isRepeated: isRepeated)
    return result.run
  }

  /// Best effort: where the store is away, Stripe's retry is all that is needed.
  private func recordFailure(_ receipt: WebhookReceipt, _ error: StoreError, wasCommitted: Bool) async {
    do {
      try await store.recordFailure(receipt, detail: "\(error)", wasCommitted: wasCommitted)
    } catch {
      logger.debug("webhook failure not stored", metadata: ["error": "\(error)"])
    }
  }

  private struct Result: Sendable {
    var run: Run
    var accounts: [AccountID] = []
  }

  private func act(
    _ event: StripeEvent, receipt: WebhookReceipt, now: Instant
  ) async throws(StoreError) -> Result {
    let decider = decider
    return try await store.transaction { transaction throws(StoreError) in
      guard try await transaction.claim(receipt) == .claimed else { return Result(run: Run()) }
      let told = BillingEvent(event, isLive: isLive)
      // Lock, then read: what was read before the lock may be another delivery's past.
      try await transaction.lock(told.locks)
      let subject = await current(told)
      let facts = try await transaction.facts(subject.question)
      let decision = decider.decide(subject, facts: facts, now: now)
      try await transaction.perform(decision.actions, reason: receipt.id)
      try await transaction.finish(event: receipt.id, decision.outcome)
      let isProcessed = decision.outcome == .processed
      // Also where nothing was written: an earlier run may have been committed and not passed on.
      let accounts = isProcessed ? facts.accounts : []
      return Result(
        run: Run(outcome: decision.outcome, mentions: isProcessed ? subject.mentions : []),
        accounts: accounts)
    }
  }

  /// The subscription as Stripe has it now, where it can be asked: an event says what was once. Where Stripe
  /// doesn't answer or has no such subscription, the event's object does, as without a key.
  private func current(_ event: BillingEvent) async -> BillingEvent {
    guard let stripe, case .subscription(let object, isDeletion: false) = event else { return event }
    do {
      guard let now = try await stripe.subscription(object.id), now.id == object.id else { return event }
      return .subscription(now, isDeletion: false)
    } catch {
      logger.warning("subscription not fetched", metadata: ["error": "\(error)"])
      return event
    }
  }

  private func report(_ event: StripeEvent, _ run: Run, isRepeated: Bool) {
    var metadata: Logger.Metadata = ["stripe.event": "\(event.id)", "stripe.type": "\(event.type)"]
    guard let outcome = run.outcome else {
      logger.debug("webhook was done before", metadata: metadata)
      return
    }
    metadata["webhook.status"] = "\(outcome.status)"
    if let detail = outcome.detail { metadata["webhook.detail"] = "\(detail)" }
    // What is still unmatched at the next pass is no news.
    let level: Logger.Level = if case .unmatched = outcome { isRepeated ? .debug : .warning } else { .info }
    logger.log(level: level, "webhook", metadata: metadata)
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
