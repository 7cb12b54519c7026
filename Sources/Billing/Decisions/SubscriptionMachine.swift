import Gate

/// One subscription's state, as a pure function of what was stored and what an event says: it takes the
/// facts, is shown an object, and ends in actions. Nothing here knows the order in which events were made
/// or sent: the later period wins, a terminal status is final, and within one period the rules are such that
/// any order of the same events ends in the same state.
struct SubscriptionMachine {
  let book: PlanBook
  let now: Instant
  let owner: BillingAccount
  let formerOwner: BillingAccount?
  let stored: StoredSubscription?
  let paidInvoices: Set<String>
  var row: StoredSubscription
  /// Latest period first, as after the actions so far.
  var grants: [StoredPeriodGrant]
  var actions: [BillingAction] = []
  /// The period that an invoice has paid for, to be granted as the row is in the end.
  var paidPeriod: PaidPeriod?

  /// nil when nobody owns it.
  init?(_ facts: BillingFacts, id: String, catalog: Catalog, now: Instant) {
    guard let owner = facts.owner else { return nil }
    book = PlanBook(catalog: catalog, prices: facts.plans)
    self.now = now
    self.owner = owner
    formerOwner = facts.formerOwner
    stored = facts.subscription
    paidInvoices = facts.paidInvoices
    row = facts.subscription ?? StoredSubscription(id: id, status: SubscriptionStatus.incomplete)
    row.account = owner.account
    grants = facts.grants.sorted { $0.periodStart > $1.periodStart }
  }

  /// Nothing that arrives late changes it any more.
  var isOver: Bool { stored.map { SubscriptionStatus.isTerminal($0.status) } ?? false }

  var latestGrant: StoredPeriodGrant? { grants.first }

  /// Takes over a plan that was seen in the period that starts at `start`. Within a period a lower plan
  /// waits for the next one, unless the plan that is left says `downgrade: now`; in that way the order of
  /// two changes in one period doesn't matter either.
  mutating func take(plan: Plan, price: String?, isNewPeriod: Bool) {
    let held = row.plan
    let isHigher = held == plan.name || book.isBetter(plan.name, than: held)
    let leavesNow = book.plan(held)?.budget.downgrade == .now
    guard isNewPeriod || held == nil || isHigher || leavesNow else { return }
    row.plan = plan.name
    row.price = price ?? row.price
  }

  mutating func set(status: String) {
    if status != SubscriptionStatus.pastDue {
      row.pastDueSince = nil
    } else if row.status != SubscriptionStatus.pastDue {
      row.pastDueSince = now
    }
    row.status = status
  }

  /// The writes that make the stored state fit the row: called last.
  mutating func settle() -> [BillingAction] {
    let isLive = SubscriptionStatus.isLive(row.status, book.catalog)
    var result: [BillingAction] = []
    if row != stored { result.append(.saveSubscription(row)) }
    if let customer = row.customer, owner.customer == nil {
      result.append(.linkCustomer(owner.account, customer: customer))
    }
    result += moveActions(isLive: isLive)
    result += actions
    if let paidPeriod {
      result.append(.grantPeriod(newGrant(paidPeriod)))
      if !isLive { result.append(.suspendGrants(subscription: row.id)) }
    }
    let speaking = book.speaking(owner.otherSubscriptions + [row])
    if isLive {
      result += alignment(mayRestore: speaking.map { $0.id == row.id } ?? true)
    } else if grants.contains(where: { $0.revocation == nil }) {
      result.append(.suspendGrants(subscription: row.id))
    }
    let wasLive = stored.map { SubscriptionStatus.isLive($0.status, book.catalog) } ?? false
    result += severalActions(speaking, isLive: isLive, wasLive: wasLive)
    // A plan that an admin gave by hand stays when a subscription ends that never carried one.
    if speaking?.plan != owner.plan, speaking != nil || wasLive {
      result.append(.setPlan(owner.account, plan: speaking?.plan))
    }
    return result
  }

  /// Where the account has other live subscriptions: the best one speaks, and its budget alone counts.
  private func severalActions(
    _ speaking: StoredSubscription?, isLive: Bool, wasLive: Bool
  ) -> [BillingAction] {
    guard let speaking, book.speaking(owner.otherSubscriptions) != nil else { return [] }
    var result = [BillingAction.letSpeak(owner.account, subscription: speaking.id, now: now)]
    if isLive, !wasLive {
      result.append(
        .note(
          owner.account, action: "subscription.several",
          about: ["subscription": row.id, "speaking": speaking.id]))
    }
    return result
  }

  /// Metadata may say, late, that a subscription is another account's than a weaker clue had it: then its
  /// budget and plan go with it.
  private mutating func moveActions(isLive: Bool) -> [BillingAction] {
    guard let formerOwner else { return [] }
    var result: [BillingAction] = [.detachGrants(subscription: row.id)]
    if isLive, let grant = grants.first(where: { $0.account == formerOwner.account && $0.revocation == nil }),
      let end = grant.periodEnd, let expiry = grant.expiresAt, let plan = book.plan(row.plan)
    {
      let tokens = book.tokens(plan, account: owner.account, seats: row.seats, isTrial: grant.isTrial)
      result.append(
        .grantPeriod(
          NewPeriodGrant(
            account: owner.account, subscription: row.id, invoice: grant.invoice, tokens: tokens,
            periodStart: grant.periodStart, periodEnd: end, expiresAt: expiry, isTrial: grant.isTrial)))
    }
    grants = []
    let left = book.speaking(formerOwner.otherSubscriptions)
    if let left {
      result.append(.letSpeak(formerOwner.account, subscription: left.id, now: now))
    }
    if left?.plan != formerOwner.plan { result.append(.setPlan(formerOwner.account, plan: left?.plan)) }
    return result
  }

  /// Brings the current period's grant to what plan, seats and trial say: an upgrade raises it and what was
  /// used stays used; the next invoice lowers it.
  private func alignment(mayRestore: Bool) -> [BillingAction] {
    guard let grant = latestGrant, let plan = book.plan(row.plan) else { return [] }
    let comesBack = grant.revocation == .suspended && grant.expiresAt.map { $0 > now } ?? true
    guard grant.revocation == nil || comesBack else { return [] }
    var result: [BillingAction] = comesBack && mayRestore ? [.restoreGrant(number: grant.number)] : []
    guard grant.periodStart == row.currentPeriodStart else { return result }
    let isInTrial = row.status == SubscriptionStatus.trialing && isTrial(end: grant.periodEnd)
    // A trial that was paid for early starts a new period: its own grant is never raised to the full plan.
    let isTrial = isInTrial || grant.isTrial
    let tokens = book.tokens(plan, account: owner.account, seats: row.seats, isTrial: isTrial)
    let becameTrial = isInTrial && !grant.isTrial
    let leftAtOnce = stored?.plan != row.plan && book.plan(stored?.plan)?.budget.downgrade == .now
    if tokens > grant.tokens || (tokens != grant.tokens && leftAtOnce) || becameTrial {
      result.append(.setGrantTokens(number: grant.number, tokens: tokens, isTrial: isTrial))
    }
    return result
  }

  /// Whether a period that ends then is (part of) the trial.
  func isTrial(end: Instant?) -> Bool {
    guard let end, let trialEnd = row.trialEnd else { return false }
    return end <= trialEnd
  }
}
