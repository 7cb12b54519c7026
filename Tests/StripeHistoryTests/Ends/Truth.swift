import Gate
import StripeFake

/// What must have come of a history, worked out from the account at Stripe and the order in which things
/// really happened: the rules of docs/BILLING as a reader would apply them, in no words of the code under test.
struct Truth {
  /// What a subscription's events came to, one after the other.
  struct Course {
    var plan: Plan?
    var price: String?
    var seats: Int64 = 1
    var period: Int64?
    var status = "incomplete"
    var isOver = false
    var grants: [Grant] = []
  }
  struct Grant {
    var tokens: Int64
    var start: Int64
    var end: Int64
    var isTrial: Bool
    var invoice: String
  }

  private(set) var end = EndState(lines: [])
  /// Paid periods, each of which resets a budget once.
  private(set) var resets = 0
  private(set) var courses: [String: Course] = [:]
  private let history: History

  init(_ history: History) {
    self.history = history
    for happening in history.happenings { follow(happening.event) }
    var lines: Set<String> = [EndState.account(.user("bystander"), plan: nil)]
    resets = courses.values.reduce(0) { $0 + $1.grants.count }
    for buyer in history.buyers { lines.formUnion(self.lines(of: buyer)) }
    lines.formUnion(packLines())
    lines.formUnion(invoiceLines())
    end = EndState(lines: lines)
  }

  private mutating func follow(_ event: StripeEventRecord) {
    switch event.object {
    case .subscription(let object) where event.type.hasPrefix("customer.subscription."): see(object)
    case .invoice(let invoice) where event.type == "invoice.paid": pay(invoice)
    default: break
    }
  }

  private mutating func see(_ object: StripeAccount.Subscription) {
    var course = courses[object.id] ?? Course()
    let isNewPeriod = course.period.map { object.periodStart > $0 } ?? true
    if let price = object.price, let plan = Shop.plan(of: price) {
      let leavesAtOnce = course.plan?.budget.downgrade == .now
      if isNewPeriod || course.plan == nil || plan.rank >= course.plan?.rank ?? 0 || leavesAtOnce {
        let isLeft = leavesAtOnce && plan != course.plan
        course.plan = plan
        course.price = price.id
        if isLeft, let last = course.grants.indices.last, course.grants[last].start == object.periodStart {
          course.grants[last].tokens = tokens(course, object.customer, isTrial: course.grants[last].isTrial)
        }
      }
    }
    course.seats = max(1, object.items.reduce(0) { $0 + $1.quantity })
    course.period = object.periodStart
    course.status = object.status.rawValue
    course.isOver = object.isOver
    raise(&course, object.customer)
    courses[object.id] = course
  }

  /// More seats or a higher plan count at once, in the period that they came in.
  private func raise(_ course: inout Course, _ customer: String) {
    guard let last = course.grants.indices.last, course.grants[last].start == course.period,
      Truth.carriesPlan(course.status)
    else { return }
    let tokens = tokens(course, customer, isTrial: course.grants[last].isTrial)
    course.grants[last].tokens = max(course.grants[last].tokens, tokens)
  }

  private mutating func pay(_ invoice: StripeAccount.Invoice) {
    var course = courses[invoice.subscription] ?? Course()
    let lines = invoice.lines.filter { !$0.isProration && Shop.plan(of: $0.price) != nil }
    if let line = lines.first, let plan = Shop.plan(of: line.price), !course.isOver,
      course.grants.last.map({ line.periodStart > $0.start }) ?? true, plan.budget.period == .subscription
    {
      let trialEnd = history.account.subscriptions[invoice.subscription]?.trialEnd ?? 0
      // Another invoice may say of a trial that was ended since: the line's own words.
      let isTrial = line.amount == 0 && (line.periodEnd <= trialEnd || line.description.hasPrefix("Trial"))
      var bought = course
      if course.plan == nil || course.period != line.periodStart {
        bought.plan = plan
        bought.price = line.price.id
        bought.seats = line.quantity
      }
      course.grants.append(
        Grant(
          tokens: tokens(bought, invoice.customer, isTrial: isTrial), start: line.periodStart,
          end: line.periodEnd, isTrial: isTrial, invoice: invoice.id))
    }
    courses[invoice.subscription] = course
  }

  private func tokens(_ course: Course, _ customer: String, isTrial: Bool) -> Int64 {
    guard let plan = course.plan else { return 0 }
    let tokens = (isTrial ? plan.budget.trialTokens : plan.budget.tokens) ?? 0
    let isPool = history.buyer(of: customer)?.account.kind == .tenant
    return plan.budget.perSeat && isPool ? tokens * course.seats : tokens
  }

  /// The table of statuses: who has the plan that was paid for.
  static func carriesPlan(_ status: String) -> Bool { ["active", "trialing", "past_due"].contains(status) }

  private func lines(of buyer: Buyer) -> [String] {
    let mine = history.account.subscriptions.all.filter {
      history.buyer(of: $0.customer)?.account == buyer.account && courses[$0.id] != nil
    }
    let live = mine.filter { Truth.carriesPlan($0.status.rawValue) && courses[$0.id]?.plan != nil }
    // Of several the best plan speaks, of those the one whose period began last.
    let speaking = live.max { left, right in
      let (leftRank, rightRank) = (courses[left.id]?.plan?.rank ?? 0, courses[right.id]?.plan?.rank ?? 0)
      return (leftRank, left.periodStart, left.id) < (rightRank, right.periodStart, right.id)
    }
    var lines = [EndState.account(buyer.account, plan: speaking.flatMap { courses[$0.id]?.plan?.name })]
    for object in mine {
      guard let course = courses[object.id] else { continue }
      let row = row(object, course, buyer.account)
      lines.append(EndState.subscription(row, isOwing: object.status == .pastDue))
      if let grant = course.grants.last {
        let word: StoredPeriodGrant.Revocation? =
          isTakenBack(grant.invoice) ? .refunded : object.id == speaking?.id ? nil : .suspended
        let stored = stored(grant, buyer.account, word)
        if let line = EndState.latest([stored], of: row, now: Instant(seconds: history.end)) {
          lines.append(line)
        }
      }
    }
    return lines
  }

  private func row(
    _ object: StripeAccount.Subscription, _ course: Course, _ account: AccountID
  ) -> StoredSubscription {
    StoredSubscription(
      id: object.id, account: account, plan: course.plan?.name, price: course.price,
      status: object.status.rawValue, seats: course.seats,
      currentPeriodStart: Instant(seconds: object.periodStart),
      currentPeriodEnd: Instant(seconds: object.periodEnd), cancelAtPeriodEnd: object.cancelAtPeriodEnd,
      cancelAt: object.cancelAt.map { Instant(seconds: $0) },
      trialEnd: object.trialEnd.map { Instant(seconds: $0) })
  }

  private func stored(
    _ grant: Grant, _ account: AccountID, _ revocation: StoredPeriodGrant.Revocation?
  ) -> StoredPeriodGrant {
    let grace = Shop.catalog.plans["pro"]?.budget.graceSeconds ?? 0
    return StoredPeriodGrant(
      number: 0, account: account, tokens: grant.tokens, periodStart: Instant(seconds: grant.start),
      periodEnd: Instant(seconds: grant.end), expiresAt: Instant(seconds: grant.end + grace),
      isTrial: grant.isTrial, invoice: grant.invoice, revocation: revocation)
  }

  /// Refunded in full, or disputed.
  private func isTakenBack(_ purchase: String) -> Bool {
    guard let id = history.account.charge(of: purchase), let charge = history.account.charges[id] else {
      return false
    }
    return charge.isRefunded || charge.dispute != nil
  }

  private func packLines() -> [String] {
    let told = Set(history.happenings.map(\.event.object.id))
    return history.account.sessions.all.flatMap { session -> [String] in
      guard session.mode == .payment, session.status == .complete, session.paymentStatus != .unpaid,
        told.contains(session.id), let account = account(of: session)
      else { return [] }
      let tokens = session.items.reduce(0) { $0 + $1.quantity } * Shop.packTokens
      let record = EndState.invoice(session.id, account, status: "paid", paid: session.total)
      return isTakenBack(session.id)
        ? [record] : [record, EndState.topUp(session.id, account, tokens: tokens)]
    }
  }

  private func account(of session: StripeAccount.CheckoutSession) -> AccountID? {
    if let buyer = history.buyer(of: session.customer) { return buyer.account }
    return history.buyers.map(\.account).first {
      [session.clientReference, session.metadata["user_id"], session.metadata["tenant_id"]].contains($0.id)
    }
  }

  /// The payment history: every invoice of which something was told that concerns payment.
  private func invoiceLines() -> [String] {
    let types: Set = [
      "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required", "invoice.voided",
      "invoice.marked_uncollectible",
    ]
    let told = Set(history.happenings.filter { types.contains($0.event.type) }.map(\.event.object.id))
    return told.compactMap { id in
      guard let invoice = history.account.invoices[id], let buyer = history.buyer(of: invoice.customer) else {
        return nil
      }
      return EndState.invoice(id, buyer.account, status: invoice.status.rawValue, paid: invoice.amountPaid)
    }
  }
}
