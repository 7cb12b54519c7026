import Gate
import StripeFake

extension HistoryMaker {
  /// Whether it could be done; throws what Stripe refuses.
  mutating func perform(_ operation: Operation) throws(StripeFault) -> Bool {
    switch operation {
    case .signUp: try signUp(.card)
    case .signUpWithTrial: try signUp(.card, trialDays: random.pick([7, 14]))
    case .delayedSignUp: try signUp(.delayed)
    case .secondSubscription: try signUp(.card, beside: true)
    case .firstPaymentFails: try subscribeWithoutMoney()
    case .pack: try buyPack(.card)
    case .delayedPack: try buyPack(.delayed)
    case .freePack: try buyPack(.free)
    case .wait: wait()
    case .renewal, .failedRenewal, .dunning, .recovery, .paidOutOfBand, .voided, .uncollectible:
      try performPayment(operation)
    case .refund, .partialRefund, .dispute: try giveBack(operation)
    default: try performChange(operation)
    }
  }

  /// A live subscription that fits.
  private mutating func subscription(
    _ fits: (StripeAccount.Subscription) -> Bool = { _ in true }
  ) -> StripeAccount.Subscription? {
    random.pick(account.subscriptions.all.filter { !$0.isOver && fits($0) })
  }

  private mutating func wait() -> Bool {
    account.advance(hours: random.pick([1, 5, 30, 24 * 4, 24 * 10]) ?? 1)
    return true
  }

  private mutating func signUp(
    _ payment: StripeAccount.CheckoutPayment, trialDays: Int64? = nil, beside: Bool = false
  ) throws(StripeFault) -> Bool {
    let live = Set(account.subscriptions.all.filter { !$0.isOver }.map(\.customer))
    let free = buyers.indices.filter { live.contains(buyers[$0].customer ?? "") == beside }
    guard let index = random.pick(free), let price = random.pick(Shop.recurring) else { return false }
    let buyer = buyers[index]
    // A page whose card is refused stays open.
    if let customer = account.customers[buyer.customer ?? ""], !customer.nextPayments.isEmpty { return false }
    var session = StripeAccount.NewSession(
      .subscription, price: price, quantity: quantity(buyer), customer: buyer.customer,
      email: buyer.customer == nil ? buyer.email : nil)
    session.metadata = buyer.metadata
    session.subscriptionMetadata = buyer.metadata
    session.clientReference = buyer.clue == .reference ? buyer.account.id : nil
    session.trialDays = trialDays
    let id = try account.openCheckout(session)
    let pays = payment == .card && trialDays == nil && random.chance(10) ? .free : payment
    try account.completeCheckout(id, pays)
    buyers[index].customer = account.sessions[id]?.customer
    return true
  }

  private mutating func quantity(_ buyer: Buyer) -> Int64 {
    buyer.account.kind == .tenant ? Int64.random(in: 1...5, using: &random) : 1
  }

  /// By the API, as some systems do it, with a card that is refused at first.
  private mutating func subscribeWithoutMoney() throws(StripeFault) -> Bool {
    guard let buyer = random.pick(buyers.filter { $0.customer != nil }), let customer = buyer.customer,
      let price = random.pick(Shop.recurring)
    else { return false }
    try account.failNextPayments(customer, as: random.chance(30) ? .needsAction : .declined("do_not_honor"))
    _ = try account.subscribe(
      .init(customer: customer, price: price, quantity: quantity(buyer), metadata: buyer.metadata))
    return true
  }

  private mutating func buyPack(_ payment: StripeAccount.CheckoutPayment) throws(StripeFault) -> Bool {
    guard let buyer = random.pick(buyers) else { return false }
    var session = StripeAccount.NewSession(
      .payment, price: "price_pack", quantity: Int64.random(in: 1...3, using: &random),
      customer: buyer.customer)
    session.metadata = buyer.metadata.merging(["price": "price_pack"]) { $1 }
    session.metadata["quantity"] = String(session.items[0].quantity)
    session.clientReference = buyer.clue == .metadata ? nil : buyer.account.id
    let id = try account.openCheckout(session)
    try account.completeCheckout(id, payment)
    if payment == .delayed {
      if random.chance(40) { account.settleDebit(id, succeeds: false) } else { account.advance(days: 3) }
    }
    return true
  }

  private mutating func performPayment(_ operation: Operation) throws(StripeFault) -> Bool {
    switch operation {
    case .renewal, .failedRenewal:
      guard let subscription = subscription({ [.active, .trialing, .pastDue].contains($0.status) }) else {
        return false
      }
      if operation == .failedRenewal {
        try account.failNextPayments(
          subscription.customer, count: Int.random(in: 1...4, using: &random),
          as: random.chance(20) ? .needsAction : .declined("insufficient_funds"))
      }
      account.advanceToRenewal(of: subscription.id)
    case .dunning:
      guard subscription({ $0.status == .pastDue || $0.status == .incomplete }) != nil else { return false }
      account.advance(days: random.pick([1, 4, 9, 16]) ?? 1)
    case .recovery:
      let owing = subscription { [.pastDue, .unpaid, .incomplete].contains($0.status) }
      guard let owing else { return false }
      try account.recover(owing.customer)
    default:
      guard let invoice = random.pick(account.invoices.all.filter { $0.status == .open }) else {
        return false
      }
      switch operation {
      case .paidOutOfBand: try account.pay(invoice.id, outOfBand: true)
      case .voided: try account.void(invoice.id)
      default: try account.markUncollectible(invoice.id)
      }
    }
    return true
  }

  private mutating func performChange(_ operation: Operation) throws(StripeFault) -> Bool {
    guard let held = subscription(), let price = held.price, let item = held.items.first else { return false }
    let rank = Shop.plan(of: price)?.rank ?? 0
    func others(_ fits: (Plan, StripeAccount.Price) -> Bool) -> [String] {
      Shop.recurring.filter { id in
        guard let other = account.prices[id], let plan = Shop.plan(of: other), id != price.id else {
          return false
        }
        return fits(plan, other)
      }
    }
    var change = StripeAccount.SubscriptionChange(
      proration: random.pick([.create, .always, .none]) ?? .create)
    switch operation {
    case .upgrade, .downgrade, .changeInterval:
      let wanted = others { plan, other in
        switch operation {
        case .upgrade: plan.rank > rank && other.interval == price.interval
        case .downgrade: plan.rank < rank && other.interval == price.interval
        default: plan.rank == rank
        }
      }
      guard let other = random.pick(wanted) else { return false }
      change = .init(price: other, proration: change.proration)
      try account.update(held.id, change)
    case .changeSeats:
      let seats = Int64.random(in: 1...6, using: &random)
      guard held.customer == buyers.first(where: { $0.account.kind == .tenant })?.customer,
        seats != item.quantity
      else { return false }
      change = .init(quantity: seats, proration: change.proration)
      try account.update(held.id, change)
    case .endTrialEarly, .extendTrial:
      guard held.status == .trialing else { return false }
      change.trialEnd = operation == .extendTrial ? account.now + 10 * Shop.day : account.now
      try account.update(held.id, change)
    case .cancelNow: try account.cancel(held.id, invoiceNow: random.chance(20), prorate: random.chance(20))
    case .cancelAtEnd: try account.cancelAtPeriodEnd(held.id)
    case .cancelOnDate: try account.cancelAtPeriodEnd(held.id, byDateAlone: true)
    case .reactivation:
      guard held.cancelAt != nil else { return false }
      try account.reactivate(held.id)
    case .pauseCollection:
      try account.pauseCollection(held.id, .init(random.pick([.void, .markUncollectible]) ?? .void))
    default:
      guard held.pause != nil else { return false }
      try account.resumeCollection(held.id)
    }
    return true
  }

  private mutating func giveBack(_ operation: Operation) throws(StripeFault) -> Bool {
    let paid = account.charges.all.filter { $0.declineCode == nil && $0.amountRefunded < $0.amount }
    guard let charge = random.pick(paid) else { return false }
    switch operation {
    case .refund: try account.refund(charge: charge.id)
    case .partialRefund: try account.refund(charge: charge.id, amount: max(1, charge.amount / 3))
    default: try account.dispute(charge: charge.id)
    }
    return true
  }
}
