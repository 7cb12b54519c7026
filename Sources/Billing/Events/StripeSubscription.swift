import Gate

/// A subscription object, of any API version.
package struct StripeSubscription: Equatable {
  struct Item: Equatable {
    var price: String?
    var quantity: Int64
    var periodStart: Instant?
    var periodEnd: Instant?
  }

  var id: String
  var customer: String?
  /// Of the customer, where the subscription has it expanded.
  var customerEmail: String?
  var status: String?
  var metadata: [String: String]
  var items: [Item]
  var periodStart: Instant?
  var periodEnd: Instant?
  var cancelAtPeriodEnd: Bool
  var cancelAt: Instant?
  var trialEnd: Instant?
  var latestInvoice: String?

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    customer = object["customer"].id
    customerEmail = object["customer"]["email"].string
    status = object["status"].string
    metadata = object.metadata
    items = object["items"].listItems.map(Item.init)
    if items.isEmpty, let price = object["plan"].id {
      // Before items there was one plan, on the subscription itself.
      items = [Item(price: price, quantity: Item.quantity(object["quantity"]))]
    }
    // Since basil each item has its own period; of several, the one that began last is what was last paid.
    let current = items.filter { $0.periodStart != nil }
      .max { ($0.periodStart ?? .distantPast) < ($1.periodStart ?? .distantPast) }
    periodStart = current?.periodStart ?? object["current_period_start"].time
    periodEnd = current?.periodEnd ?? object["current_period_end"].time
    cancelAtPeriodEnd = object["cancel_at_period_end"].bool ?? false
    cancelAt = object["cancel_at"].time
    trialEnd = object["trial_end"].time
    latestInvoice = object["latest_invoice"].id
  }
}

extension StripeSubscription.Item {
  init(_ item: JSONValue) {
    price = item["price"].id ?? item["plan"].id
    quantity = Self.quantity(item["quantity"])
    periodStart = item["current_period_start"].time
    periodEnd = item["current_period_end"].time
  }

  /// 1 where nothing sane is said, as Stripe's own default.
  static func quantity(_ value: JSONValue) -> Int64 {
    guard let quantity = value.int, quantity >= 0 else { return 1 }
    return min(quantity, 1_000_000)
  }
}

extension Instant {
  /// Before every time that is read.
  static var distantPast: Instant { Instant(milliseconds: .min) }
}
