import StripeFake
import Testing

@Suite struct PurchaseTests {
  @Test func aPackIsPaidOnce() throws {
    var shop = Shop.open()
    let customer = shop.makeCustomer(.init(email: "a@example.com"))
    _ = shop.takeEvents()
    let id = try shop.buyPack(
      "price_pack", quantity: 2, customer: customer, metadata: ["price": "price_pack"])
    #expect(
      shop.takeTypes() == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "checkout.session.completed",
      ])
    let session = try #require(shop.sessions[id])
    #expect(session.total == 1000 && session.paymentStatus == .paid && session.invoice == nil)
    let charge = try #require(shop.charge(of: id))
    try shop.refund(charge: charge, amount: 400)
    #expect(shop.charges[charge]?.isRefunded == false)
    try shop.refund(charge: charge)
    #expect(shop.charges[charge]?.isRefunded == true)
    #expect(throws: StripeFault.self) { try shop.refund(charge: charge) }
    let refunded = shop.takeEvents().filter { $0.type == "charge.refunded" }
    #expect(refunded.count == 2)
    let first = shop.json(refunded[0], Rendering())["data"]
    #expect(first["object"]["amount_refunded"] == 400 && first["previous_attributes"]["amount_refunded"] == 0)
    #expect(first["previous_attributes"]["refunded"] == .null)
    #expect(shop.json(refunded[1], Rendering())["data"]["previous_attributes"]["refunded"] == false)
  }

  @Test func aDelayedPaymentSettlesOrFails() throws {
    for succeeds in [true, false] {
      var shop = Shop.open()
      let customer = shop.makeCustomer()
      let id = try shop.buyPack("price_pack", customer: customer, payment: .delayed)
      #expect(shop.sessions[id]?.status == .complete && shop.sessions[id]?.paymentStatus == .unpaid)
      _ = shop.takeEvents()
      if succeeds { shop.advance(days: 3) } else { shop.settleDebit(id, succeeds: false) }
      #expect(shop.sessions[id]?.paymentStatus == (succeeds ? .paid : .unpaid))
      #expect(
        shop.takeTypes().last == "checkout.session.async_payment_\(succeeds ? "succeeded" : "failed")")
      shop.advance(days: 30)
      #expect(shop.takeTypes() == [])
    }
  }

  @Test func aDeclinedCardLeavesTheSessionOpen() throws {
    var shop = Shop.open()
    let id = try shop.openCheckout(.init(.subscription, price: "price_pro", email: "a@example.com"))
    try shop.completeCheckout(id, .declined("insufficient_funds"))
    #expect(shop.sessions[id]?.status == .open && shop.subscriptions.count == 0)
    #expect(
      shop.takeTypes() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"])
    try shop.completeCheckout(id, .free)
    #expect(shop.sessions[id]?.paymentStatus == .noPaymentRequired)
    #expect(shop.invoices.all.map(\.total) == [0] && shop.subscriptions.all.map(\.status) == [.active])
    #expect(throws: StripeFault.self) { try shop.completeCheckout(id) }
    shop.advanceToRenewal(of: shop.subscriptions.ids[0])
    #expect(shop.invoices.all.map(\.total) == [0, 2000])
  }

  @Test func sessionsExpire() throws {
    var shop = Shop.open()
    let id = try shop.openCheckout(.init(.payment, price: "price_pack"))
    shop.advance(hours: 24)
    #expect(shop.sessions[id]?.status == .expired && shop.takeTypes() == ["checkout.session.expired"])
    #expect(throws: StripeFault.self) { try shop.completeCheckout(id) }
  }

  @Test func aDisputeIsOpenedAndLost() throws {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro").subscription
    let invoice = try #require(shop.subscriptions[id]?.latestInvoice)
    let charge = try #require(shop.charge(of: invoice))
    _ = shop.takeEvents()
    let dispute = try shop.dispute(charge: charge)
    try shop.closeDispute(dispute, won: false)
    #expect(
      shop.takeTypes() == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed",
      ])
    #expect(shop.disputes[dispute]?.status == .lost)
    #expect(throws: StripeFault.self) { try shop.dispute(charge: charge) }
  }

  /// The customer's balance pays first.
  @Test func aCreditMakesAnInvoiceFree() throws {
    var shop = Shop.open()
    let customer = shop.makeCustomer(.init(balance: -2500))
    let id = try shop.subscribe(.init(customer: customer, price: "price_pro"))
    let invoice = try #require(shop.latestInvoice(of: id))
    #expect(invoice.total == 2000 && invoice.amountDue == 0 && invoice.status == .paid)
    #expect(shop.charges.count == 0 && shop.customers[customer]?.balance == -500)
    #expect(shop.takeTypes().contains("invoice.payment_succeeded"))
    shop.advanceToRenewal(of: id)
    #expect(shop.latestInvoice(of: id)?.amountPaid == 1500)
  }
}
