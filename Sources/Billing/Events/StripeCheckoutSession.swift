/// A Checkout session.
package struct StripeCheckoutSession: Equatable {
  var id: String
  /// `payment`, `subscription` or `setup`.
  var mode: String?
  /// `paid`, `unpaid` or `no_payment_required`.
  var paymentStatus: String?
  var customer: String?
  var email: String?
  var clientReference: String?
  var subscription: String?
  var metadata: [String: String]
  /// Of the subscription, where the session has it expanded.
  var subscriptionMetadata: [String: String]
  /// Prices of the line items, where the session has them expanded.
  var linePrices: [String]
  var payments: [String]

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    mode = object["mode"].string
    paymentStatus = object["payment_status"].string
    customer = object["customer"].id
    email = object["customer_details"]["email"].string ?? object["customer_email"].string
    clientReference = object["client_reference_id"].string
    subscription = object["subscription"].id
    metadata = object.metadata
    subscriptionMetadata = object["subscription"].metadata
    linePrices = object["line_items"].listItems.compactMap { $0["price"].id ?? $0["plan"].id }
    payments = [object["payment_intent"].id, object["invoice"].id].compactMap { $0 }
  }

  /// Money has come, or none was due.
  var isPaid: Bool { paymentStatus == "paid" || paymentStatus == "no_payment_required" }

  /// What was bought: our own checkout says it in the metadata, for line items aren't in the event.
  var prices: [String] {
    if let price = metadata["price"] { return [price] }
    return linePrices
  }
}
