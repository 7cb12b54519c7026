import StripeFake
import Testing

@Suite struct DunningTests {
  /// A subscription whose first renewal has just failed.
  private func failing(_ end: StripeAccount.Settings.DunningEnd) throws -> (StripeAccount, String, String) {
    var settings = StripeAccount.Settings()
    settings.dunningEnd = end
    var shop = Shop.open(settings: settings)
    let (customer, id, _) = try shop.signUp(email: "a@example.com", price: "price_pro")
    try shop.failNextPayments(customer, count: 100)
    _ = shop.takeEvents()
    shop.advanceToRenewal(of: id)
    return (shop, customer, id)
  }

  @Test func aFailedRenewalIsPastDueUntilARetrySucceeds() throws {
    var (shop, customer, id) = try failing(.cancel)
    #expect(shop.subscriptions[id]?.status == .pastDue)
    let types = shop.takeTypes()
    for type in ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"] {
      #expect(types.contains(type))
    }
    #expect(types.last == "customer.subscription.updated")
    #expect(!types.contains("invoice.paid"))
    let open = try #require(shop.latestInvoice(of: id))
    #expect(open.status == .open && open.attempts == 1)
    #expect(open.nextAttempt == shop.now - 1 + 3 * Shop.day)
    try shop.failNextPayments(customer, count: 1)
    shop.advance(days: 3)
    #expect(shop.subscriptions[id]?.status == .pastDue)
    shop.advance(days: 5)
    #expect(shop.subscriptions[id]?.status == .active)
    let paid = try #require(shop.latestInvoice(of: id))
    #expect(paid.status == .paid && paid.attempts == 3)
    #expect(
      shop.takeTypes().filter { $0.hasPrefix("invoice.pa") } == [
        "invoice.payment_failed", "invoice.paid", "invoice.payment_succeeded",
      ])
  }

  @Test func retriesEndAsTheSettingsSay() throws {
    for (end, status) in [
      (StripeAccount.Settings.DunningEnd.cancel, StripeAccount.Subscription.Status.canceled),
      (.unpaid, .unpaid), (.pastDue, .pastDue),
    ] {
      var (shop, _, id) = try failing(end)
      shop.advance(days: 15)
      #expect(shop.subscriptions[id]?.status == status)
      #expect(shop.latestInvoice(of: id)?.status == .open)
      #expect(shop.latestInvoice(of: id)?.attempts == 4)
      let deleted = shop.takeTypes().contains("customer.subscription.deleted")
      #expect(deleted == (end == .cancel))
    }
  }

  /// While unpaid, invoices stay drafts; paying the latest brings it back.
  @Test func unpaidComesBack() throws {
    var (shop, customer, id) = try failing(.unpaid)
    shop.advance(days: 40)
    #expect(shop.subscriptions[id]?.status == .unpaid)
    #expect(shop.latestInvoice(of: id)?.status == .draft)
    try shop.recover(customer)
    #expect(shop.subscriptions[id]?.status == .active)
    #expect(shop.invoices(of: id).allSatisfy { $0.status == .paid })
  }

  @Test func outOfBandIsTheOneEvent() throws {
    var (shop, _, id) = try failing(.cancel)
    _ = shop.takeEvents()
    try shop.pay(try #require(shop.subscriptions[id]?.latestInvoice), outOfBand: true)
    #expect(shop.takeTypes() == ["invoice.updated", "invoice.paid", "customer.subscription.updated"])
    #expect(shop.subscriptions[id]?.status == .active)
  }

  @Test func pausedCollectionLeavesItActive() throws {
    for behavior in [
      StripeAccount.Subscription.Pause.Behavior.void, .markUncollectible, .keepAsDraft,
    ] {
      var shop = Shop.open()
      let id = try shop.signUp(email: "a@example.com", price: "price_pro").subscription
      try shop.pauseCollection(id, .init(behavior, resumesAt: shop.now + 40 * Shop.day))
      shop.advanceToRenewal(of: id)
      #expect(shop.subscriptions[id]?.status == .active)
      let expected: [StripeAccount.Subscription.Pause.Behavior: StripeAccount.Invoice.Status] = [
        .void: .void, .markUncollectible: .uncollectible, .keepAsDraft: .draft,
      ]
      #expect(shop.latestInvoice(of: id)?.status == expected[behavior])
      shop.advance(days: 20)
      #expect(shop.subscriptions[id]?.pause == nil)
      shop.advanceToRenewal(of: id)
      #expect(shop.latestInvoice(of: id)?.status == .paid)
    }
  }

  @Test func aCardThatNeedsActionSaysSo() throws {
    var shop = Shop.open()
    let (customer, id, _) = try shop.signUp(email: "a@example.com", price: "price_pro")
    try shop.failNextPayments(customer, as: .needsAction)
    _ = shop.takeEvents()
    shop.advanceToRenewal(of: id)
    let types = shop.takeTypes()
    #expect(types.contains("invoice.payment_action_required"))
    #expect(types.contains("payment_intent.requires_action"))
    #expect(shop.subscriptions[id]?.status == .pastDue)
  }
}
