import StripeFake
import Testing

@Suite struct ProrationTests {
  /// Half of April is left.
  private func halfway(_ price: String = "price_basic", quantity: Int64 = 1) throws -> (StripeAccount, String)
  {
    var shop = Shop.open(at: BillingCalendar.time(2026, 4, 1))
    let id = try shop.signUp(email: "a@example.com", price: price, quantity: quantity).subscription
    shop.advance(days: 15)
    _ = shop.takeEvents()
    return (shop, id)
  }

  @Test func anUpgradeIsInvoicedAtOnceWithProrationsAlone() throws {
    var (shop, id) = try halfway()
    let before = try #require(shop.subscriptions[id])
    try shop.update(id, .init(price: "price_pro", proration: .always))
    let after = try #require(shop.subscriptions[id])
    #expect(after.periodStart == before.periodStart && after.periodEnd == before.periodEnd)
    #expect(after.items.map(\.id) == before.items.map(\.id))
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.lines.map(\.amount) == [-500, 1000] && invoice.amountPaid == 500)
    #expect(invoice.lines.allSatisfy { $0.isProration && $0.periodStart == shop.now })
    #expect(invoice.reason == .update)
    let types = shop.takeTypes()
    #expect(types.filter { $0 == "customer.subscription.updated" }.count == 1)
    #expect(types.contains("invoice.paid") && types.contains("invoice.payment_succeeded"))
  }

  @Test func prorationsWaitForTheNextInvoiceAndStandFirst() throws {
    var (shop, id) = try halfway()
    let latest = shop.subscriptions[id]?.latestInvoice
    try shop.update(id, .init(price: "price_pro"))
    #expect(shop.subscriptions[id]?.latestInvoice == latest)
    #expect(
      shop.takeTypes() == ["invoiceitem.created", "invoiceitem.created", "customer.subscription.updated"])
    #expect(try shop.preview(id).total == 2500)
    shop.advanceToRenewal(of: id)
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.lines.map(\.isProration) == [true, true, false])
    #expect(invoice.total == 2500 && invoice.status == .paid)
    shop.advanceToRenewal(of: id)
    #expect(shop.latestInvoice(of: id)?.total == 2000)
  }

  /// A downgrade leaves a credit, which later invoices use up.
  @Test func aDowngradeAtOnceIsACredit() throws {
    var (shop, id) = try halfway("price_pro")
    let customer = try #require(shop.subscriptions[id]).customer
    try shop.update(id, .init(price: "price_basic", proration: .always))
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.total == -500 && invoice.amountDue == 0 && invoice.status == .paid)
    #expect(shop.customers[customer]?.balance == -500)
    shop.advanceToRenewal(of: id)
    #expect(shop.latestInvoice(of: id)?.amountPaid == 500 && shop.customers[customer]?.balance == 0)
  }

  @Test func withoutProrationNothingIsAsked() throws {
    var (shop, id) = try halfway()
    try shop.update(id, .init(price: "price_pro", proration: .none))
    #expect(shop.takeTypes() == ["customer.subscription.updated"])
    shop.advanceToRenewal(of: id)
    #expect(shop.latestInvoice(of: id)?.total == 2000)
  }

  @Test func seatsAreProratedToo() throws {
    var (shop, id) = try halfway("price_seat", quantity: 2)
    try shop.update(id, .init(quantity: 5, proration: .always))
    #expect(shop.latestInvoice(of: id)?.lines.map(\.amount) == [-3000, 7500])
    #expect(shop.subscriptions[id]?.items[0].quantity == 5)
  }

  /// Another interval: a new period from now, with a line that is no proration, behind one that is.
  @Test func anotherIntervalStartsANewPeriod() throws {
    var (shop, id) = try halfway("price_pro")
    try shop.update(id, .init(price: "price_pro_year"))
    let subscription = try #require(shop.subscriptions[id])
    #expect(subscription.periodStart == shop.now)
    #expect(subscription.periodEnd == BillingCalendar.time(2027, 4, 16))
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.lines.map(\.isProration) == [true, false])
    #expect(invoice.lines.map(\.amount) == [-1000, 20_000] && invoice.reason == .update)
    #expect(invoice.lines[1].periodStart == shop.now && invoice.status == .paid)
  }

  @Test func fromNothingToSomethingStartsANewPeriod() throws {
    var (shop, id) = try halfway("price_free")
    #expect(shop.latestInvoice(of: id)?.total == 0 && shop.latestInvoice(of: id)?.status == .paid)
    try shop.update(id, .init(price: "price_pro"))
    #expect(shop.subscriptions[id]?.periodStart == shop.now)
    #expect(shop.latestInvoice(of: id)?.total == 2000)
  }

  @Test func aChangeThatCannotBePaid() throws {
    var (shop, id) = try halfway()
    let before = try #require(shop.subscriptions[id])
    try shop.failNextPayments(before.customer, count: 1)
    var sandbox = StripeSandbox(shop)
    let item = before.items[0].id
    let change = "items[0][id]=\(item)&items[0][price]=price_pro&proration_behavior=always_invoice"
    let refused = sandbox.call(
      "POST", "/v1/subscriptions/\(id)", change + "&payment_behavior=error_if_incomplete")
    #expect(refused.status == 402)
    #expect(sandbox.account.subscriptions[id]?.items == before.items)
    #expect(sandbox.account.subscriptions[id]?.status == .active)
    let taken = sandbox.call("POST", "/v1/subscriptions/\(id)", change)
    #expect(taken.status == 200 && taken.json["status"] == "past_due")
    #expect(sandbox.account.subscriptions[id]?.items[0].price.id == "price_pro")
  }

  /// Stripe's rounding, at amounts where a product of 64 bits would overflow.
  @Test func largeAmountsAreExact() throws {
    var shop = StripeAccount(
      prices: [
        .init("price_a", amount: 999_999_999_999, every: .month),
        .init("price_b", amount: 0, every: .month),
      ], now: BillingCalendar.time(2026, 4, 1))
    let id = try shop.signUp(email: "a@example.com", price: "price_a", quantity: 1000).subscription
    shop.advance(days: 10)
    try shop.update(id, .init(quantity: 1, proration: .always))
    #expect(shop.latestInvoice(of: id)?.lines.map(\.amount) == [-666_666_666_666_000, 666_666_666_666])
  }
}
