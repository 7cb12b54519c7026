import StripeFake
import Testing

@Suite struct RenderingTests {
  private func renewed() throws -> (StripeAccount, String, [StripeEventRecord]) {
    var shop = Shop.open()
    let id = try shop.signUp(email: "a@example.com", price: "price_pro", metadata: ["user_id": "u1"])
      .subscription
    try shop.update(id, .init(price: "price_basic"))
    _ = shop.takeEvents()
    shop.advanceToRenewal(of: id)
    return (shop, id, shop.takeEvents())
  }

  @Test(arguments: PayloadShape.allCases)
  func fieldsAreWhereTheVersionHasThem(_ shape: PayloadShape) throws {
    let (shop, id, events) = try renewed()
    let paid = try #require(events.first { $0.type == "invoice.paid" })
    let json = shop.json(paid, Rendering(shape))
    let invoice = json["data"]["object"]
    let (old, new) = (shape != .basil, shape != .old)
    #expect(json["api_version"] == .string(shape.apiVersion) && json["livemode"] == false)
    #expect(invoice.has("subscription") == old && invoice.has("paid") == old)
    #expect(invoice["parent"]["subscription_details"]["subscription"] == (new ? .string(id) : .null))
    let metadata: JSON = ["user_id": "u1"]
    #expect(invoice["subscription_details"]["metadata"] == (old ? metadata : .null))
    #expect(invoice["parent"]["subscription_details"]["metadata"] == (new ? metadata : .null))
    for (index, isProration) in [true, true, false].enumerated() {
      let line = invoice["lines"]["data"][index]
      #expect(line["proration"] == (old ? .bool(isProration) : .null))
      #expect(line["price"].has("id") == old && line.has("pricing") == new)
      let kind = isProration ? "invoice_item_details" : "subscription_item_details"
      #expect(line["parent"]["type"] == (new ? .string(kind) : .null))
      #expect(line["parent"][kind]["proration"] == (new ? .bool(isProration) : .null))
      #expect(line["type"] == (old ? .string(isProration ? "invoiceitem" : "subscription") : .null))
    }
    let updated = try #require(events.first { $0.type == "customer.subscription.updated" })
    let subscription = shop.json(updated, Rendering(shape))["data"]["object"]
    #expect(subscription.has("current_period_start") == old)
    #expect(subscription["items"]["data"][0].has("current_period_start") == new)
  }

  @Test func previousAttributesSayWhatWasThere() throws {
    let (shop, id, events) = try renewed()
    let event = try #require(events.first { $0.type == "customer.subscription.updated" })
    let data = shop.json(event, Rendering(.basil))["data"]
    let previous = data["previous_attributes"]
    #expect(Set(previous.members.map(\.name)) == ["items", "latest_invoice"])
    #expect(previous["items"]["data"][0]["current_period_start"] == .int(Shop.start))
    #expect(data["object"]["latest_invoice"] == .text(shop.subscriptions[id]?.latestInvoice))
    let old = shop.json(event, Rendering(.old))["data"]["previous_attributes"]
    #expect(old["current_period_start"] == .int(Shop.start))
    let created = try #require(events.first { $0.type == "invoice.created" })
    #expect(!shop.json(created, Rendering())["data"].has("previous_attributes"))
  }

  /// An event shows the object as it was then, however it changed since.
  @Test func eventsDoNotAge() throws {
    let (shop, _, events) = try renewed()
    let created = try #require(events.first { $0.type == "invoice.created" })
    #expect(shop.json(created, Rendering())["data"]["object"]["status"] == "draft")
    let expanded = shop.json(created, Rendering(.both, expandsEvents: true))["data"]["object"]
    #expect(expanded["customer"]["email"] == "a@example.com")
    #expect(expanded["subscription"]["object"] == "subscription")
    #expect(expanded["parent"]["subscription_details"]["subscription"]["object"] == "subscription")
    // The invoice was drafted before the subscription's period moved.
    #expect(expanded["subscription"]["current_period_start"] == .int(Shop.start))
  }

  @Test func longInvoicesHaveMore() throws {
    let (shop, id, events) = try renewed()
    let paid = try #require(events.first { $0.type == "invoice.paid" })
    let lines = shop.json(paid, Rendering(linesMax: 1))["data"]["object"]["lines"]
    #expect(lines["has_more"] == true && lines["total_count"] == 3 && lines["data"].array.count == 1)
    var sandbox = StripeSandbox(shop, rendering: Rendering(linesMax: 1))
    let invoice = try #require(shop.subscriptions[id]?.latestInvoice)
    var seen: [String] = []
    var page = sandbox.call("GET", "/v1/invoices/\(invoice)/lines?limit=2")
    seen += page.json.array.compactMap { $0["id"].string }
    #expect(page.json["has_more"] == true)
    page = sandbox.call("GET", "/v1/invoices/\(invoice)/lines?limit=2&starting_after=\(seen[1])")
    seen += page.json.array.compactMap { $0["id"].string }
    #expect(page.json["has_more"] == false)
    #expect(seen == shop.invoices[invoice]?.lines.map(\.id))
  }

  @Test func textIsEscaped() {
    let json: JSON = ["a": "q\"b\\c\nd\u{1}Zoë 🚀", "n": .int(-1), "e": [], "o": [:]]
    #expect(
      String(decoding: json.bytes, as: UTF8.self)
        == "{\n  \"a\": \"q\\\"b\\\\c\\nd\\u0001Zoë 🚀\",\n  \"n\": -1,\n  \"e\": [],\n  \"o\": {}\n}")
  }
}
