import Gate

extension BillingService {
  struct Item {
    var price: String
    var isSubscription: Bool
    /// Seats of a subscription, or how many of a pack.
    var quantity: Int64
  }

  /// What an order comes to, if it may be sold to this account.
  func item(
    _ order: BillingOrder, facts: BillingStatusFacts, stripe: StripeClient
  ) async throws(BillingFault) -> Item {
    let plan: Plan
    let item: Item
    switch order {
    case .topUpPrice(let price, let quantity):
      guard catalog.topups[price] != nil else {
        throw .invalid(field: "price", message: "is no top-up")
      }
      guard (1...1_000_000).contains(quantity) else {
        throw .invalid(field: "seats", message: "must be 1 to 1000000")
      }
      return Item(price: price, isSubscription: false, quantity: quantity)
    case .subscriptionPrice(let price, let seats):
      plan = try await self.plan(ofPrice: price)
      item = Item(price: price, isSubscription: true, quantity: seats)
    case .plan(let name, let interval, let seats):
      guard let known = catalog.plans[name] else { throw .invalid(field: "plan", message: "is unknown") }
      plan = known
      let price = try await self.price(of: known, interval: interval, stripe: stripe)
      item = Item(price: price, isSubscription: true, quantity: seats)
    }
    guard (1...1_000_000).contains(item.quantity) else {
      throw .invalid(field: "seats", message: "must be 1 to 1000000")
    }
    guard item.quantity == 1 || plan.budget.perSeat else {
      throw .invalid(field: "seats", message: "the plan is not sold by seats")
    }
    let speaking = PlanBook(catalog: catalog, prices: [:]).speaking(facts.subscriptions)
    guard speaking == nil else {
      throw .refused("there is a subscription already; change it in the customer portal")
    }
    return item
  }

  private func plan(ofPrice price: String) async throws(BillingFault) -> Plan {
    let plans: [String: String]
    do {
      plans = try await store.transaction { (transaction) async throws(StoreError) in
        try await transaction.facts(BillingQuestion(prices: [price])).plans
      }
    } catch {
      throw .store(error)
    }
    guard let plan = PlanBook(catalog: catalog, prices: plans).plan(price: price) else {
      throw .invalid(field: "price", message: "maps to no plan")
    }
    return plan
  }

  /// Stripe knows how often a price recurs; the config file doesn't.
  private func price(
    of plan: Plan, interval: BillingOrder.Interval, stripe: StripeClient
  ) async throws(BillingFault) -> String {
    guard !plan.prices.isEmpty else { throw .invalid(field: "plan", message: "has no price") }
    for price in plan.prices {
      do {
        let object = try await stripe.get("/v1/prices/\(StripeForm.escape(price))")
        if object["recurring"]["interval"].string == interval.rawValue { return price }
      } catch {
        // One that was taken off sale stands in the config file still.
        guard error.isNotFound else { throw .stripe(error) }
      }
    }
    throw .invalid(field: "interval", message: "the plan has no such price")
  }

  /// The account's customer, made when there is none.
  func customer(_ facts: BillingStatusFacts, stripe: StripeClient) async throws(BillingFault) -> String {
    if let customer = facts.customer { return customer }
    return try await CustomerMaker(orders: store, stripe: stripe, logger: logger)
      .customer(for: facts.account)
  }

  func links() async throws(BillingFault) -> BillingLinks {
    do {
      return BillingLinks.effective(stored: try await storedLinks(), catalog: catalog)
    } catch {
      throw .store(error)
    }
  }
}
