package import Gate
import Logging

/// What became of an object that was found otherwise than by an event.
package enum ObjectOutcome: Sendable, Equatable {
  /// It was known as it is.
  case unchanged
  /// It led to a change, which Redis knows of.
  case changed
  /// It fits no account or plan; the text says what is missing.
  case unmatched(String)
}

extension EventProcessor {
  /// Brings the mirror of a subscription up to what Stripe says now. Throws `notFound` when Stripe has none by
  /// this id, `unavailable` when it doesn't answer.
  package func refresh(subscription id: String, now: Instant) async throws(StoreError) {
    guard let stripe else { throw .unavailable("no Stripe key") }
    let accounts = try await store.transaction { (transaction) async throws(StoreError) -> [AccountID] in
      try await transaction.lock(["stripe:\(id)"])
      guard let object = try await fetch(id, stripe) else { throw .notFound("subscription") }
      let event = BillingEvent.subscription(object, .state)
      let facts = try await transaction.facts(event.question)
      let decision = decider.decide(event, facts: facts, now: now)
      try await transaction.perform([BillingChange(decision.actions, reason: "refreshed from Stripe")])
      return facts.accounts
    }
    try await outbox.apply(accounts)
  }

  /// Takes an object of one of Stripe's lists in, as the event of this type would. The list may be older than
  /// what an event has written meanwhile: where it differs from the mirror, a subscription is fetched anew
  /// under its lock. What fits nobody is kept as an unmatched event, and matches like one.
  func take(
    _ type: String, _ object: JSONValue, now: Instant
  ) async throws(StoreError) -> ObjectOutcome {
    guard let id = object["id"].id,
      let envelope = StripeEvent(
        .object([
          "id": .string("sync_\(id)"), "object": .string("event"), "type": .string(type),
          "livemode": object["livemode"], "data": .object(["object": object]),
        ]))
    else { return .unmatched("the object cannot be read") }
    let told = BillingEvent(envelope, isLive: stripe?.isLive)
    let (decision, question, accounts) = try await decide(told, now: now)
    switch decision.outcome {
    case .processed:
      guard decision.actions.contains(where: { !$0.isForTheRecord }) else { return .unchanged }
      try await outbox.apply(accounts)
      return .changed
    case .ignored, .failed: return .unchanged
    case .unmatched(let detail):
      let payload = JSONValue.object([
        "id": .string(envelope.id), "object": .string("event"), "type": .string(type),
        "livemode": object["livemode"], "data": .object(["object": object]),
      ])
      let receipt = envelope.receipt(payload: payload.text, receivedAt: now)
      try await store.keepUnmatched(receipt, detail: detail, waitsFor: question.waitsFor)
      if decision.isAlarming {
        logger.error("a price maps to no plan", metadata: ["stripe.object": "\(id)", "detail": "\(detail)"])
      }
      return .unmatched(detail)
    }
  }

  private func decide(
    _ told: BillingEvent, now: Instant
  ) async throws(StoreError) -> (BillingDecision, BillingQuestion, [AccountID]) {
    try await store.transaction {
      (transaction) async throws(StoreError) -> (BillingDecision, BillingQuestion, [AccountID]) in
      try await transaction.lock(told.locks)
      var subject = told
      var facts = try await transaction.facts(subject.question)
      var decision = decider.decide(subject, facts: facts, now: now)
      if case .subscription(let object, let news) = subject, let stripe, !decision.actions.isEmpty {
        guard let current = try await fetch(object.id, stripe.inLane(.background)) else {
          return (.ignored("Stripe has it no more"), subject.question, [])
        }
        subject = .subscription(current, news)
        facts = try await transaction.facts(subject.question)
        decision = decider.decide(subject, facts: facts, now: now)
      } else if case .invoicePaid(var invoice) = subject, invoice.hasMoreLines, let stripe,
        !facts.paidInvoices.contains(invoice.id)
      {
        do {
          let path = "/v1/invoices/\(StripeForm.escape(invoice.id))/lines"
          invoice.replaceLines(try await stripe.inLane(.background).all(path))
        } catch {
          throw .unavailable("stripe: \(error)")
        }
        subject = .invoicePaid(invoice)
        facts = try await transaction.facts(subject.question)
        decision = decider.decide(subject, facts: facts, now: now)
      }
      try await transaction.perform([BillingChange(decision.actions, reason: "stripe sync")])
      return (decision, subject.question, facts.accounts)
    }
  }

  private func fetch(_ id: String, _ stripe: StripeClient) async throws(StoreError) -> StripeSubscription? {
    do {
      return try await stripe.subscription(id)
    } catch {
      throw .unavailable("stripe: \(error)")
    }
  }
}
