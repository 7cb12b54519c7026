import Gate

extension BillingService {
  struct Item {
    var price: String
    var isSubscription: Bool
    var seats: Int64
  }

  /// What an order comes to, if it may be sold to this account.
  func item(
    _ order: BillingOrder, facts: BillingStatusFacts, stripe: StripeClient
  ) async throws(BillingFault) -> Item {
    let plan: Plan
    let item: Item
    switch order {
    case .topUpPrice(let price):
      guard catalog.topups[price] != nil else {
        throw .invalid(field: "price", message: "is no top-up")
      }
      return Item(price: price, isSubscription: false, seats: 1)
    case .subscriptionPrice(let price, let seats):
      plan = try await self.plan(ofPrice: price)
      item = Item(price: price, isSubscription: true, seats: seats)
    case .plan(let name, let interval, let seats):
      guard let known = catalog.plans[name] else { throw .invalid(field: "plan", message: "is unknown") }
      plan = known
      let price = try await self.price(of: known, interval: interval, stripe: stripe)
      item = Item(price: price, isSubscription: true, seats: seats)
    }
    guard (1...1_000_000).contains(item.seats) else {
      throw .invalid(field: "seats", message: "must be 1 to 1000000")
    }
    guard item.seats == 1 || plan.budget.perSeat else {
      throw .invalid(field: "seats", message: "the plan is not sold by seats")
    }
    let live = facts.subscriptions.contains {
      SubscriptionStatus.isLive($0.status, catalog) && $0.plan != nil
    }
    guard !live else { throw .refused("there is a subscription already; change it in the customer portal") }
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
    of plan: Plan, interval: String, stripe: StripeClient
  ) async throws(BillingFault) -> String {
    guard !plan.prices.isEmpty else { throw .invalid(field: "plan", message: "has no price") }
    for price in plan.prices {
      do {
        let object = try await stripe.get("/v1/prices/\(StripeForm.escape(price))")
        if object["recurring"]["interval"].string == interval { return price }
      } catch .refused(status: 404, _) {
        continue
      } catch {
        throw .stripe("\(error)")
      }
    }
    throw .invalid(field: "interval", message: "the plan has no such price")
  }

  /// The account's customer, made when there is none. The idempotency key is the account's, so that two
  /// calls at once make one.
  func customer(_ facts: BillingStatusFacts, stripe: StripeClient) async throws(BillingFault) -> String {
    if let customer = facts.customer { return customer }
    var form = StripeForm()
    if facts.account.kind == .user { form.set("email", facts.email) }
    form.set("metadata", Self.metadata(of: facts.account))
    let made: JSONValue
    do {
      made = try await stripe.post(
        "/v1/customers", form, idempotencyKey: "tollgate-customer-\(facts.account)")
    } catch {
      throw .stripe("\(error)")
    }
    guard let customer = made.id else { throw .stripe("a customer without id") }
    let account = facts.account
    do {
      try await store.transaction { (transaction) async throws(StoreError) in
        try await transaction.perform(
          [.linkCustomer(account, customer: customer)], reason: "customer made for checkout")
      }
    } catch {
      throw .store(error)
    }
    return customer
  }

  /// How Stripe's objects say whose they are.
  static func metadata(of account: AccountID) -> [String: String] {
    switch account.kind {
    case .user: ["user_id": account.id]
    case .tenant: ["tenant_id": account.id]
    }
  }

  func links() async throws(BillingFault) -> BillingLinks {
    do {
      return BillingLinks.effective(stored: try await storedLinks(), catalog: catalog)
    } catch {
      throw .store(error)
    }
  }
}
