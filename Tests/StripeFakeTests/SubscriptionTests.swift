import StripeFake
import Testing

@Suite struct SubscriptionTests {
  @Test func signingUpMakesAPaidSubscription() throws {
    var shop = Shop.open()
    let (customer, id, session) = try shop.signUp(
      email: "a@example.com", price: "price_pro", metadata: ["user_id": "u1"], clientReference: "u1")
    let subscription = try #require(shop.subscriptions[id])
    #expect(subscription.status == .active)
    #expect(subscription.periodStart == Shop.start)
    #expect(subscription.metadata == ["user_id": "u1"])
    #expect(shop.customers[customer]?.email == "a@example.com")
    #expect(shop.sessions[session]?.paymentStatus == .paid)
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.status == .paid && invoice.amountPaid == 2000 && invoice.reason == .create)
    #expect(
      shop.takeTypes() == [
        "payment_method.attached", "customer.created", "invoice.created", "customer.subscription.created",
        "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "invoice.updated", "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded",
        "customer.subscription.updated", "checkout.session.completed",
      ])
  }

  /// 31 January, 28 February, 31 March, 30 April: the anchor's day comes back.
  @Test func periodsClampToTheMonthsEnd() throws {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro").subscription
    var starts: [Int64] = []
    for _ in 0..<4 {
      shop.advanceToRenewal(of: id)
      starts.append(try #require(shop.subscriptions[id]).periodStart)
    }
    #expect(
      starts
        == [(2, 28), (3, 31), (4, 30), (5, 31)].map {
          BillingCalendar.time(2026, $0.0, $0.1, hour: 10, minute: 30)
        })
    let invoices = shop.invoices(of: id)
    #expect(invoices.count == 5 && invoices.allSatisfy { $0.status == .paid })
    for (invoice, start) in zip(invoices.dropFirst(), starts) {
      #expect(invoice.lines.map(\.periodStart) == [start])
      #expect(invoice.reason == .cycle)
    }
  }

  @Test func leapYears() {
    let anchor = BillingCalendar.time(2024, 2, 29)
    let years = (1...4).map { BillingCalendar.advance(anchor, by: $0, .year) }
    #expect(
      years == [(2025, 28), (2026, 28), (2027, 28), (2028, 29)].map { BillingCalendar.time($0.0, 2, $0.1) })
    #expect(BillingCalendar.next(after: anchor, anchor: anchor, every: 1, .year) == years[0])
    for offset in stride(from: Int64(-4000), to: 4000, by: 7) {
      let time = anchor + offset * 86_400 + 5
      let next = BillingCalendar.next(after: time, anchor: anchor, every: 1, .month)
      #expect(next > time && next - time <= 31 * 86_400)
    }
  }

  /// A renewal's invoice is a draft for an hour, and `period_*` of it look back.
  @Test func aRenewalIsChargedAnHourLate() throws {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro").subscription
    let first = try #require(shop.subscriptions[id])
    _ = shop.takeEvents()
    shop.advance(to: first.periodEnd)
    #expect(shop.takeTypes() == ["invoice.upcoming", "invoice.created", "customer.subscription.updated"])
    let draft = try #require(shop.latestInvoice(of: id))
    #expect(draft.status == .draft && draft.lines[0].periodStart == first.periodEnd)
    let json = StripeObject.invoice(draft).json()
    #expect(json["period_start"] == .int(first.periodStart) && json["period_end"] == .int(first.periodEnd))
    shop.advance(seconds: 3599)
    #expect(shop.takeTypes() == [])
    shop.advance(seconds: 1)
    #expect(
      shop.takeTypes() == [
        "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "invoice.updated", "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded",
      ])
  }

  @Test func aTrialEndsInAPayment() throws {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro", trialDays: 14).subscription
    #expect(shop.subscriptions[id]?.status == .trialing)
    let zero = try #require(shop.latestInvoice(of: id))
    #expect(zero.status == .paid && zero.total == 0 && zero.lines[0].description.hasPrefix("Trial period"))
    #expect(shop.sessions.all[0].paymentStatus == .noPaymentRequired)
    _ = shop.takeEvents()
    shop.advance(days: 11)
    #expect(shop.takeTypes() == ["customer.subscription.trial_will_end"])
    shop.advance(days: 3)
    #expect(shop.subscriptions[id]?.status == .active)
    shop.advance(hours: 1)
    let paid = try #require(shop.latestInvoice(of: id))
    #expect(paid.status == .paid && paid.total == 2000)
    #expect(paid.lines[0].periodStart == Shop.start + 14 * Shop.day)
  }

  @Test func aTrialCanBeEndedNow() throws {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro", trialDays: 14).subscription
    shop.advance(days: 2)
    try shop.update(id, .init(trialEnd: shop.now))
    let subscription = try #require(shop.subscriptions[id])
    #expect(subscription.status == .active && subscription.periodStart == shop.now)
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.reason == .update && invoice.status == .paid && !invoice.lines[0].isProration)
  }

  @Test func endsAtPeriodEndInBothForms() throws {
    for byDate in [false, true] {
      var shop = Shop.open()
      let id = try shop.signUp(email: "a@example.com", price: "price_pro").subscription
      let end = try #require(shop.subscriptions[id]).periodEnd
      _ = shop.takeEvents()
      try shop.cancelAtPeriodEnd(id, byDateAlone: byDate)
      let scheduled = try #require(shop.subscriptions[id])
      #expect(scheduled.cancelAt == end && scheduled.cancelAtPeriodEnd == !byDate)
      try shop.reactivate(id)
      #expect(shop.subscriptions[id]?.cancelAt == nil && shop.subscriptions[id]?.cancelAtPeriodEnd == false)
      try shop.cancelAtPeriodEnd(id, byDateAlone: byDate)
      #expect(shop.takeTypes() == Array(repeating: "customer.subscription.updated", count: 3))
      shop.advance(to: end - 1)
      #expect(shop.subscriptions[id]?.status == .active)
      shop.advance(to: end)
      #expect(shop.subscriptions[id]?.status == .canceled)
      #expect(shop.takeTypes() == ["customer.subscription.deleted"])
      shop.advance(days: 100)
      #expect(shop.takeTypes() == [])
      #expect(throws: StripeFault.self) { try shop.reactivate(id) }
    }
  }

  @Test func aFirstPaymentThatFailsExpires() throws {
    var shop = Shop.open()
    let customer = shop.makeCustomer(.init(card: .declined("insufficient_funds")))
    let id = try shop.subscribe(.init(customer: customer, price: "price_pro"))
    #expect(shop.subscriptions[id]?.status == .incomplete)
    var other = shop
    other.advance(hours: 23)
    #expect(other.subscriptions[id]?.status == .incompleteExpired)
    #expect(other.latestInvoice(of: id)?.status == .void)
    try shop.recover(customer)
    #expect(shop.subscriptions[id]?.status == .active)
    shop.advance(hours: 23)
    #expect(shop.subscriptions[id]?.status == .active)
  }

  @Test func aTrialWithoutACardPausesAndResumes() throws {
    var shop = Shop.open()
    var sandbox = StripeSandbox(shop)
    let customer = sandbox.account.makeCustomer(.init(card: nil))
    let made = sandbox.call(
      "POST", "/v1/subscriptions",
      "customer=\(customer)&items[0][price]=price_pro&trial_period_days=14"
        + "&trial_settings[end_behavior][missing_payment_method]=pause")
    #expect(made.status == 200)
    let id = try #require(made.json["id"].string)
    shop = sandbox.account
    _ = shop.takeEvents()
    shop.advance(days: 14)
    #expect(shop.subscriptions[id]?.status == .paused)
    #expect(shop.takeTypes().last == "customer.subscription.paused")
    #expect(throws: StripeFault.self) {
      var other = shop
      try other.cancelAtPeriodEnd(id)
      try other.reactivate(id)
      try other.resume("sub_none")
    }
    try shop.setCard(customer, .succeeds)
    try shop.resume(id)
    #expect(shop.subscriptions[id]?.status == .active)
    #expect(shop.subscriptions[id]?.periodStart == shop.now)
    #expect(shop.takeTypes().contains("customer.subscription.resumed"))
  }

  @Test func deletingACustomerEndsWhatItHas() throws {
    var shop = Shop.open()
    let (customer, first, _) = try shop.signUp(email: "a@example.com", price: "price_pro")
    let second = try shop.signUp(email: "", price: "price_basic", customer: customer).subscription
    _ = shop.takeEvents()
    try shop.deleteCustomer(customer)
    #expect(shop.subscriptions[first]?.status == .canceled && shop.subscriptions[second]?.status == .canceled)
    #expect(
      shop.takeTypes() == [
        "customer.subscription.deleted", "customer.subscription.deleted", "customer.deleted",
      ])
    #expect(throws: StripeFault.self) { try shop.deleteCustomer(customer) }
  }
}

extension StripeSandbox {
  /// One call with a test key.
  mutating func call(
    _ method: String, _ target: String, _ body: String = "", key: String? = nil,
    headers: [String: String] = [:]
  ) -> APIResponse {
    var all = ["Authorization": "Bearer sk_test_1", "Stripe-Version": "2025-03-31.basil"]
    all["Idempotency-Key"] = key
    all.merge(headers) { $1 }
    switch admit(APIRequest(method, target, headers: all, body: body)) {
    case .answer(let response): return response
    case .run(let ticket, _): return run(ticket) ?? APIResponse.lost
    case .drop: return APIResponse.lost
    }
  }
}

extension APIResponse {
  /// Where none came.
  static var lost: APIResponse {
    var sandbox = StripeSandbox(Shop.open())
    var response = sandbox.call("GET", "/v1/prices/price_none")
    response.status = 0
    return response
  }
}
