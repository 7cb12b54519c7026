import Gate

/// A Checkout session.
package struct StripeCheckoutSession: Equatable {
  /// One thing that was bought.
  struct Item: Equatable {
    var price: String
    var quantity: Int64
  }

  var id: String
  /// `payment`, `subscription` or `setup`.
  var mode: String?
  /// `paid`, `unpaid` or `no_payment_required`.
  var paymentStatus: String?
  var customer: String?
  var email: String?
  var clientReference: String?
  var subscription: String?
  var invoice: String?
  var metadata: [String: String]
  /// Of the subscription, where the session has it expanded.
  var subscriptionMetadata: [String: String]
  /// What was bought, where the session has its line items expanded.
  var lines: [Item]
  var payments: [String]
  /// In the currency's smallest unit.
  var amountTotal: Int64
  var currency: String?
  var createdAt: Instant?

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    mode = object["mode"].string
    paymentStatus = object["payment_status"].string
    customer = object["customer"].id
    email = object["customer_details"]["email"].string ?? object["customer_email"].string
    clientReference = object["client_reference_id"].string
    subscription = object["subscription"].id
    invoice = object["invoice"].id
    metadata = object.metadata
    subscriptionMetadata = object["subscription"].metadata
    lines = []
    payments = [object["payment_intent"].id, object["invoice"].id].compactMap { $0 }
    amountTotal = object["amount_total"].int ?? 0
    currency = object["currency"].string
    createdAt = object["created"].time
    takeLines(object["line_items"].listItems)
  }

  mutating func takeLines(_ items: [JSONValue]) {
    lines = items.compactMap { item in
      (item["price"].id ?? item["plan"].id).map {
        Item(price: $0, quantity: StripeSubscription.Item.quantity(item["quantity"]))
      }
    }
  }

  /// Money has come, or none was due.
  var isPaid: Bool { paymentStatus == "paid" || paymentStatus == "no_payment_required" }

  /// What was bought: our own checkout says it in the metadata, for line items aren't in the event.
  var items: [Item] {
    guard let price = metadata["price"] else { return lines }
    if let line = lines.first(where: { $0.price == price }) { return [line] }
    let quantity = metadata["quantity"].flatMap { Int64($0) } ?? 1
    return [Item(price: price, quantity: max(1, min(quantity, 1_000_000)))]
  }

  var prices: [String] { items.map(\.price) }
}
