import Gate

/// A verified event to be processed.
package struct WebhookDelivery: Sendable {
  var event: StripeEvent
  var receipt: WebhookReceipt
  /// When it came: nothing is ordered by it.
  var now: Instant
}

/// A claimed event on its way to be decided.
struct OpenEvent: Sendable {
  /// Its place among the deliveries.
  let place: Int
  var subject: BillingEvent
  var facts = BillingFacts()
  var decision = BillingDecision(.processed)
  /// Stripe was asked about it beyond what it tells.
  var isInformed = false

  /// What it is about: two that share one of these go one after the other.
  var marks: Set<String> { Set(subject.locks + facts.accounts.map(\.description)) }
}

extension EventProcessor {
  /// Claims the events, acts on them and stores them, in one transaction.
  func act(_ deliveries: [WebhookDelivery]) async throws(StoreError) -> [Run] {
    let told = deliveries.map { BillingEvent($0.event, isLive: stripe?.isLive) }
    return try await store.transaction { (transaction) async throws(StoreError) -> [Run] in
      // Lock, then read: what was read before the lock may be another delivery's past.
      let claims = try await transaction.claim(
        deliveries.map(\.receipt.id), locks: told.flatMap(\.locks))
      var runs = claims.map { claim in
        if case .done(let accounts) = claim { Run(accounts: accounts) } else { Run() }
      }
      let claimed = claims.indices.filter { claims[$0] == .claimed }
      var open = claimed.map { OpenEvent(place: $0, subject: told[$0]) }
      open = await atOnce(open) { event in event.subject = await current(event.subject) }
      var ends: [WebhookEnd] = []
      while !open.isEmpty {
        let turn = try await turn(of: &open, deliveries, transaction)
        try await transaction.perform(
          turn.map { BillingChange($0.decision.actions, reason: deliveries[$0.place].receipt.id) })
        for event in turn {
          let (run, trail) = outcome(event)
          runs[event.place] = run
          ends.append(
            WebhookEnd(
              receipt: deliveries[event.place].receipt, outcome: event.decision.outcome, trail: trail))
        }
      }
      try await transaction.finish(ends)
      return runs
    }
  }

  /// Decides on as many of the open events as have nothing to do with each other, and takes them out. What is left
  /// has to see first what these write.
  private func turn(
    of open: inout [OpenEvent], _ deliveries: [WebhookDelivery], _ transaction: any BillingTransaction
  ) async throws(StoreError) -> [OpenEvent] {
    try await readFacts(of: &open, transaction)
    for index in open.indices { try await trace(&open[index], in: transaction) }
    var turn: [OpenEvent] = []
    var left: [OpenEvent] = []
    var marks: Set<String> = []
    for event in open {
      if marks.isDisjoint(with: event.marks) { turn.append(event) } else { left.append(event) }
      marks.formUnion(event.marks)
    }
    open = left
    decide(&turn, deliveries)
    turn = await atOnce(turn) { event in
      guard let informed = await inform(event.subject, event.decision) else { return }
      event.subject = informed
      event.isInformed = true
    }
    var informed = turn.filter(\.isInformed)
    if !informed.isEmpty {
      try await readFacts(of: &informed, transaction)
      decide(&informed, deliveries)
      turn = turn.filter { !$0.isInformed } + informed
    }
    return turn
  }

  private func readFacts(
    of events: inout [OpenEvent], _ transaction: any BillingTransaction
  ) async throws(StoreError) {
    let facts = try await transaction.facts(events.map(\.subject.question))
    for index in events.indices { events[index].facts = facts[index] }
  }

  private func decide(_ events: inout [OpenEvent], _ deliveries: [WebhookDelivery]) {
    for index in events.indices {
      let event = events[index]
      events[index].decision = decider.decide(
        event.subject, facts: event.facts, now: deliveries[event.place].now)
    }
  }

  private func outcome(_ event: OpenEvent) -> (Run, WebhookTrail) {
    let isProcessed = event.decision.outcome == .processed
    // Also where nothing was written: an earlier run may have been committed and not passed on.
    let accounts = isProcessed ? event.facts.accounts : []
    var waitsFor: [String] = []
    if case .unmatched = event.decision.outcome {
      waitsFor = event.subject.question.waitsFor + event.facts.paidFor.map { "payment:\($0)" }
    }
    let run = Run(
      outcome: event.decision.outcome, makesKnown: isProcessed ? event.subject.makesKnown : [],
      accounts: accounts, isAlarming: event.decision.isAlarming)
    return (run, WebhookTrail(accounts: accounts, waitsFor: waitsFor))
  }

  /// Does for all of them what may have to wait for Stripe.
  private func atOnce(
    _ events: [OpenEvent], _ body: @escaping @Sendable (inout OpenEvent) async -> Void
  ) async -> [OpenEvent] {
    guard stripe != nil else { return events }
    return await withTaskGroup(of: (Int, OpenEvent).self) { group in
      for (index, event) in events.enumerated() {
        group.addTask {
          var event = event
          await body(&event)
          return (index, event)
        }
      }
      var events = events
      for await (index, event) in group { events[index] = event }
      return events
    }
  }
}
