import Billing
import Gate
import Testing

/// Single steps from a given state.
@Suite struct DecisionTests {
  let decider = BillingDecider(catalog: TestCatalog.catalog)
  let payloads = Payloads()

  private func start(_ period: Int64) -> Instant { Instant(seconds: Payloads.period(period)) }

  private func row(status: String = "active", plan: String = "pro", period: Int64 = 0) -> StoredSubscription {
    StoredSubscription(
      id: "sub_1", customer: "cus_1", account: .user("u1"), plan: plan, price: "price_\(plan)",
      status: status, currentPeriodStart: start(period), currentPeriodEnd: start(period + 1),
      latestInvoice: "in_1")
  }

  private func grant(
    tokens: Int64 = TestCatalog.proTokens, period: Int64 = 0, revocation: StoredPeriodGrant.Revocation? = nil
  ) -> StoredPeriodGrant {
    StoredPeriodGrant(
      number: 7, account: .user("u1"), tokens: tokens, periodStart: start(period),
      periodEnd: start(period + 1), expiresAt: start(period + 1).advanced(seconds: 172_800),
      invoice: "in_1", revocation: revocation)
  }

  private func decide(
    _ type: String, _ object: [String: Any], _ row: StoredSubscription? = nil,
    grants: [StoredPeriodGrant] = [], plan: String? = "pro", others: [StoredSubscription] = [],
    account: AccountID = .user("u1"), paid: Set<String> = [], purchases: [BillingFacts.Purchase] = [],
    isPaymentKnown: Bool = false
  ) throws -> BillingDecision {
    let event = try #require(StripeEvent(rawBody: payloads.event("evt_1", type, object)))
    let owner = BillingAccount(account: account, plan: plan, customer: "cus_1", otherSubscriptions: others)
    let facts = BillingFacts(
      owner: owner, subscription: row, grants: grants, plans: TestCatalog.prices, paidInvoices: paid,
      purchases: purchases, isPaymentKnown: isPaymentKnown)
    return decider.decide(BillingEvent(event, isLive: nil), facts: facts, now: TestBench.now)
  }

  /// Without what is only kept for the record.
  private func effects(_ decision: BillingDecision) -> [BillingAction] {
    decision.actions.filter { !$0.isForTheRecord }
  }
  private func notes(_ decision: BillingDecision) -> [String] {
    decision.actions.compactMap { if case .note(_, let action, _) = $0 { action } else { nil } }
  }
  private func granted(_ decision: BillingDecision) -> [NewPeriodGrant] {
    decision.actions.compactMap { if case .grantPeriod(let grant) = $0 { grant } else { nil } }
  }
  private func plans(_ decision: BillingDecision) -> [String?] {
    decision.actions.compactMap { if case .setPlan(_, let plan) = $0 { .some(plan) } else { nil } }
  }

  @Test func unpaidInvoiceResetsNothing() throws {
    for status in ["open", "draft", "void", "uncollectible", "something_new"] {
      let decision = try decide("invoice.paid", payloads.invoice("in_2", status: status), row())
      #expect(decision.actions.isEmpty)
    }
  }

  @Test func laterPeriodResets() throws {
    let invoice = payloads.invoice("in_2", lines: [.init(period: 1)])
    let decision = try decide("invoice.paid", invoice, row(), grants: [grant()])
    let new = try #require(granted(decision).first)
    #expect(new.periodStart == start(1))
    #expect(new.invoice == "in_2")
  }

  @Test func samePeriodAndOlderOnesDoNot() throws {
    for period: Int64 in [0, -1, -5] {
      let invoice = payloads.invoice("in_2", lines: [.init(period: period)])
      #expect(try granted(decide("invoice.paid", invoice, row(), grants: [grant()])).isEmpty)
    }
  }

  /// The mirror may be ahead of the payment: what was granted counts, not what Stripe has begun.
  @Test func mirrorAheadOfPaymentStillResets() throws {
    let invoice = payloads.invoice("in_2", lines: [.init(period: 1)])
    let decision = try decide("invoice.paid", invoice, row(period: 1), grants: [grant()])
    #expect(granted(decision).count == 1)
  }

  @Test func prorationFirstThenThePeriod() throws {
    let lines: [Payloads.Line] = [
      .init(price: "price_basic", isProration: true, amount: -300, period: 3), .init(period: 1),
    ]
    let decision = try decide(
      "invoice.paid", payloads.invoice("in_2", lines: lines), row(), grants: [grant()])
    #expect(granted(decision).map(\.periodStart) == [start(1)])
  }

  @Test func freeInvoicesCount() throws {
    let invoice = payloads.invoice("in_2", lines: [.init(amount: 0, period: 1)])
    let decision = try decide("invoice.paid", invoice, row(), grants: [grant()])
    #expect(granted(decision).map(\.tokens) == [TestCatalog.proTokens])
  }

  @Test func trialLineGrantsTheTrial() throws {
    let invoice = payloads.invoice("in_1", lines: [.init(amount: 0, trial: true)])
    let decision = try decide("invoice.paid", invoice, plan: nil)
    #expect(granted(decision).map(\.tokens) == [TestCatalog.trialTokens])
    #expect(granted(decision).map(\.isTrial) == [true])
  }

  @Test func prorationsRaiseAndNeverReset() throws {
    let lines: [Payloads.Line] = [
      .init(price: "price_basic", isProration: true, amount: -500),
      .init(price: "price_pro", isProration: true, amount: 900),
    ]
    let decision = try decide(
      "invoice.paid", payloads.invoice("in_2", lines: lines), row(plan: "basic"),
      grants: [grant(tokens: 500_000)], plan: "basic")
    #expect(granted(decision).isEmpty)
    #expect(
      decision.actions.contains(.setGrantTokens(number: 7, tokens: TestCatalog.proTokens, isTrial: false)))
    #expect(plans(decision) == ["pro"])
  }

  @Test func calendarBudgetsAreNotGranted() throws {
    let invoice = payloads.invoice("in_1", lines: [.init(price: "price_calendar")])
    let decision = try decide("invoice.paid", invoice, plan: nil)
    #expect(granted(decision).isEmpty)
    #expect(plans(decision) == ["calendar"])
  }

  @Test func seatsMultiplyATenantsPool() throws {
    let invoice = payloads.invoice("in_1", lines: [.init(price: "price_team", quantity: 7)])
    let decision = try decide("invoice.paid", invoice, plan: nil, account: .tenant("t1"))
    #expect(granted(decision).map(\.tokens) == [7 * TestCatalog.teamTokens])
    // A user has no pool.
    let own = try decide("invoice.paid", invoice, plan: nil)
    #expect(granted(own).map(\.tokens) == [TestCatalog.teamTokens])
  }

  @Test func moreSeatsRaiseThePoolAtOnce() throws {
    var held = row(plan: "team")
    held.account = .tenant("t1")
    let decision = try decide(
      "customer.subscription.updated",
      payloads.subscription(price: "price_team", quantity: 3, invoice: "in_1"), held,
      grants: [grant(tokens: TestCatalog.teamTokens)], plan: "team", account: .tenant("t1"))
    #expect(
      decision.actions.contains(
        .setGrantTokens(number: 7, tokens: 3 * TestCatalog.teamTokens, isTrial: false)))
  }

  @Test func linesOnALaterPageAreWaitedFor() throws {
    var invoice = payloads.invoice("in_2", lines: [.init(isProration: true, amount: 5)])
    invoice["lines"] = ["data": [Any](), "has_more": true] as [String: Any]
    let decision = try decide("invoice.paid", invoice, row(), grants: [grant()])
    #expect(decision.outcome.status == "unmatched")
  }

  @Test func noOwnerIsUnmatched() throws {
    let event = try #require(
      StripeEvent(rawBody: payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))))
    let decision = decider.decide(
      BillingEvent(event, isLive: nil), facts: BillingFacts(plans: TestCatalog.prices), now: TestBench.now)
    #expect(decision.outcome.status == "unmatched")
    #expect(decision.actions.isEmpty)
  }

  @Test(arguments: ["unpaid", "paused", "canceled", "incomplete_expired", "a_word_of_the_future"])
  func statusesThatEndIt(status: String) throws {
    let decision = try decide(
      "customer.subscription.updated", payloads.subscription(status: status, invoice: "in_9"), row(),
      grants: [grant()])
    #expect(plans(decision) == [nil])
    #expect(decision.actions.contains(.suspendGrants(subscription: "sub_1")))
  }

  @Test func aPauseEndsItForAWhile() throws {
    let paused = try decide(
      "customer.subscription.paused", payloads.subscription(status: "paused", invoice: "in_9"), row(),
      grants: [grant()])
    #expect(plans(paused) == [nil])
    #expect(paused.actions.contains(.suspendGrants(subscription: "sub_1")))
  }

  @Test(arguments: [false, true]) func incompleteIsConfigurable(grantsAccess: Bool) throws {
    var catalog = TestCatalog.catalog
    catalog.incompleteGrantsAccess = grantsAccess
    let object = payloads.subscription(status: "incomplete", invoice: "in_1")
    let body = payloads.event("evt_1", "customer.subscription.created", object)
    let decision = BillingDecider(catalog: catalog).decide(
      BillingEvent(try #require(StripeEvent(rawBody: body)), isLive: nil),
      facts: BillingFacts(owner: BillingAccount(account: .user("u1")), plans: TestCatalog.prices),
      now: TestBench.now)
    #expect(plans(decision) == (grantsAccess ? ["pro"] : []))
  }

  @Test(arguments: ["active", "trialing", "past_due"])
  func statusesThatKeepIt(status: String) throws {
    let decision = try decide(
      "customer.subscription.updated", payloads.subscription(status: status, invoice: "in_9"), row(),
      grants: [grant()])
    #expect(plans(decision).isEmpty)
    #expect(!decision.actions.contains(.suspendGrants(subscription: "sub_1")))
  }

  @Test func pastDueOfAPaidInvoiceIsOld() throws {
    let object = payloads.subscription(status: "past_due", invoice: "in_1")
    let late = try decide("customer.subscription.updated", object, row(), paid: ["in_1"])
    #expect(late.actions.isEmpty)
    let due = try decide("customer.subscription.updated", object, row())
    guard case .saveSubscription(let saved)? = due.actions.first else {
      Issue.record("not saved")
      return
    }
    #expect(saved.status == "past_due")
    #expect(saved.pastDueSince == TestBench.now)
  }

  @Test func aPeriodNeverGoesBack() throws {
    let decision = try decide(
      "customer.subscription.updated", payloads.subscription(status: "unpaid", period: 0), row(period: 1))
    #expect(decision.actions.isEmpty)
  }

  @Test func terminalIsFinal() throws {
    let held = row(status: "canceled")
    for (type, object) in [
      ("customer.subscription.updated", payloads.subscription(period: 4)),
      ("customer.subscription.resumed", payloads.subscription(period: 4)),
      ("checkout.session.completed", payloads.session()),
    ] {
      #expect(try decide(type, object, held, plan: nil).actions.isEmpty)
    }
    let paid = try decide(
      "invoice.paid", payloads.invoice("in_9", lines: [.init(period: 4)]), held, plan: nil)
    #expect(granted(paid).isEmpty && plans(paid).isEmpty)
  }

  @Test func anotherSubscriptionCarriesOn() throws {
    var other = row(plan: "basic")
    other.id = "sub_2"
    let deleted = payloads.subscription(status: "canceled")
    let fallback = try decide(
      "customer.subscription.deleted", deleted, row(), grants: [grant()], others: [other])
    #expect(plans(fallback) == ["basic"])
    // The end of one that carried nothing leaves the live one's plan alone.
    let stranger = try decide("customer.subscription.deleted", deleted, plan: "basic", others: [other])
    #expect(plans(stranger).isEmpty)
  }

  @Test func theBetterOfTwoCounts() throws {
    var other = row(plan: "team")
    other.id = "sub_2"
    let decision = try decide(
      "customer.subscription.created", payloads.subscription(price: "price_basic"), plan: "team",
      others: [other])
    #expect(plans(decision).isEmpty)
  }

  @Test func aPlanByHandStaysWhereNothingWasCarried() throws {
    let object = payloads.subscription(status: "incomplete_expired")
    let decision = try decide("customer.subscription.updated", object, row(status: "incomplete"))
    #expect(plans(decision).isEmpty)
  }

  @Test func resumedGetsItsBudgetBack() throws {
    let decision = try decide(
      "customer.subscription.resumed", payloads.subscription(invoice: "in_1"), row(status: "paused"),
      grants: [grant(revocation: .suspended)], plan: nil)
    #expect(decision.actions.contains(.restoreGrant(number: 7)))
    #expect(plans(decision) == ["pro"])
    for revocation in [StoredPeriodGrant.Revocation.refunded, .superseded, .other] {
      let kept = try decide(
        "customer.subscription.resumed", payloads.subscription(invoice: "in_1"), row(status: "paused"),
        grants: [grant(revocation: revocation)], plan: nil)
      #expect(!kept.actions.contains(.restoreGrant(number: 7)))
    }
  }

  @Test func metadataMovesASubscription() throws {
    let event = try #require(
      StripeEvent(
        rawBody: payloads.event(
          "evt_1", "customer.subscription.updated", payloads.subscription(invoice: "in_1"))))
    let facts = BillingFacts(
      owner: BillingAccount(account: .user("u2")),
      formerOwner: BillingAccount(account: .user("u1"), plan: "pro", customer: "cus_1"),
      subscription: row(), grants: [grant()], plans: TestCatalog.prices)
    let decision = decider.decide(BillingEvent(event, isLive: nil), facts: facts, now: TestBench.now)
    #expect(decision.actions.contains(.detachGrants(subscription: "sub_1")))
    #expect(granted(decision).map(\.account) == [.user("u2")])
    #expect(decision.actions.contains(.setPlan(.user("u1"), plan: nil)))
    #expect(decision.actions.contains(.setPlan(.user("u2"), plan: "pro")))
  }

  @Test func topUps() throws {
    let extra: [String: Any] = ["metadata": ["price": "price_pack"], "payment_intent": "pi_1"]
    let session = payloads.session(mode: "payment", extra: extra)
    let decision = try decide("checkout.session.completed", session)
    #expect(
      effects(decision) == [
        .grantTopUp(
          NewTopUp(
            account: .user("u1"), session: "cs_1", tokens: 100_000,
            expiresAt: TestBench.now.advanced(seconds: 365 * 86_400), payments: ["pi_1"]))
      ])
    let unpaid = payloads.session(mode: "payment", paid: "unpaid", extra: extra)
    #expect(try decide("checkout.session.completed", unpaid).outcome.status == "ignored")
    #expect(try effects(decide("checkout.session.async_payment_succeeded", session)).count == 1)
    let failed = try decide("checkout.session.async_payment_failed", unpaid)
    #expect(effects(failed).isEmpty && notes(failed) == ["checkout.payment_failed"])
    let expired = try decide("checkout.session.expired", unpaid)
    #expect(effects(expired).isEmpty && notes(expired) == ["checkout.expired"])
    let free = payloads.session(mode: "payment", paid: "no_payment_required", extra: extra)
    #expect(try effects(decide("checkout.session.completed", free)).count == 1)
    let strange = payloads.session(mode: "payment")
    #expect(try decide("checkout.session.completed", strange).outcome.status == "unmatched")
  }

  @Test func refunds() throws {
    let purchase = BillingFacts.Purchase(source: "invoice", reference: "in_1", account: .user("u1"))
    let full: [String: Any] = ["id": "ch_1", "object": "charge", "refunded": true, "payment_intent": "pi_1"]
    let part: [String: Any] = ["id": "ch_1", "object": "charge", "refunded": false]
    let dispute: [String: Any] = ["id": "dp_1", "object": "dispute", "charge": "ch_1"]
    let taken = BillingAction.takeBack(purchase, reason: "refunded")
    #expect(try effects(decide("charge.refunded", full, purchases: [purchase])) == [taken])
    let partial = try decide("charge.refunded", part, purchases: [purchase])
    #expect(effects(partial).isEmpty && notes(partial) == ["charge.refunded_in_part"])
    #expect(partial.outcome == .processed)
    let disputed = try decide("charge.dispute.created", dispute, purchases: [purchase])
    #expect(effects(disputed) == [.takeBack(purchase, reason: "disputed")])
    #expect(try decide("charge.refunded", full).outcome.status == "unmatched")
    // A known payment that granted nothing, such as the difference of an upgrade.
    let nothing = try decide("charge.refunded", full, isPaymentKnown: true)
    #expect(nothing.outcome == .processed && effects(nothing).isEmpty)
    #expect(notes(nothing) == ["charge.refunded"])
  }

  /// The one of the lower plan keeps its grant, suspended, until it speaks again.
  @Test func oneOfTwoLiveSubscriptionsSpeaks() throws {
    var other = row(plan: "team")
    other.id = "sub_2"
    let worse = try decide(
      "customer.subscription.created", payloads.subscription(price: "price_basic"), plan: "team",
      others: [other])
    #expect(worse.actions.contains(.letSpeak(.user("u1"), subscription: "sub_2", now: TestBench.now)))
    #expect(notes(worse) == ["subscription.several"])
    other.plan = "basic"
    let better = try decide(
      "customer.subscription.updated", payloads.subscription(), row(), plan: "pro", others: [other])
    #expect(better.actions.contains(.letSpeak(.user("u1"), subscription: "sub_1", now: TestBench.now)))
    #expect(notes(better).isEmpty)
    let ended = try decide(
      "customer.subscription.deleted", payloads.subscription(status: "canceled"), row(), grants: [grant()],
      plan: "pro", others: [other])
    #expect(ended.actions.contains(.letSpeak(.user("u1"), subscription: "sub_2", now: TestBench.now)))
    #expect(plans(ended) == ["basic"])
  }

  @Test func packsAreCounted() throws {
    func tokens(_ extra: [String: Any]) throws -> [Int64] {
      let session = payloads.session(mode: "payment", extra: extra)
      return try decide("checkout.session.completed", session).actions.compactMap {
        if case .grantTopUp(let topUp) = $0 { topUp.tokens } else { nil }
      }
    }
    #expect(try tokens(["metadata": ["price": "price_pack", "quantity": "3"]]) == [300_000])
    #expect(try tokens(["metadata": ["price": "price_pack", "quantity": 4]]) == [400_000])
    let line: [String: Any] = ["id": "li_1", "quantity": 2, "price": ["id": "price_pack"]]
    #expect(try tokens(["line_items": ["object": "list", "data": [line]]]) == [200_000])
    #expect(try tokens(["metadata": ["price": "price_pack", "quantity": "9000000000"]]) == [100_000_000_000])
  }

  @Test func failuresAreRecorded() throws {
    let open = payloads.invoice("in_2", lines: [.init(period: 1)], status: "open")
    let failed = try decide("invoice.payment_failed", open, row(), grants: [grant()])
    #expect(notes(failed) == ["payment.failed"])
    #expect(
      failed.actions.contains {
        if case .recordInvoice(let record) = $0 { record.id == "in_2" } else { false }
      })
    #expect(notes(try decide("invoice.payment_action_required", open, row())) == ["payment.action_required"])
    let voided = try decide("invoice.voided", payloads.invoice("in_2", status: "void"), row())
    #expect(effects(voided).isEmpty && voided.actions.count == 1)
    let trial = try decide(
      "customer.subscription.trial_will_end", payloads.subscription(status: "trialing", invoice: "in_1"),
      row())
    #expect(notes(trial) == ["subscription.trial_will_end"])
  }
}
