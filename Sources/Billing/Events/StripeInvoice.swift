import Gate

/// An invoice object, of any API version: the new places are read first, then the old.
package struct StripeInvoice: Equatable {
  struct Line: Equatable {
    var price: String?
    var subscription: String?
    var isProration: Bool
    /// For a subscription's period, not a one-off item.
    var isSubscription: Bool
    var amount: Int64
    var quantity: Int64
    var periodStart: Instant?
    var periodEnd: Instant?
    /// Stripe's own wording of a trial's line.
    var saysTrial: Bool
    var metadata: [String: String]
  }

  var id: String
  var customer: String?
  var customerEmail: String?
  var subscription: String?
  var metadata: [String: String]
  /// Of the subscription, as the invoice repeats it.
  var subscriptionMetadata: [String: String]
  var isPaid: Bool
  var billingReason: String?
  var lines: [Line]
  /// More lines than are in the event.
  var hasMoreLines: Bool
  /// Payment intents and charges by which it was paid.
  var payments: [String]
  /// What people are shown of it.
  var summary: InvoiceSummary
  /// Its subscription as it is now, where Stripe was asked: an invoice tells of the state at its time.
  var subscriptionNow: StripeSubscription?

  /// All lines, where the object had a part of them.
  mutating func replaceLines(_ all: [JSONValue]) {
    lines = all.map(Line.init)
    hasMoreLines = false
    subscription = subscription ?? lines.lazy.compactMap(\.subscription).first
  }

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    customer = object["customer"].id
    customerEmail = object["customer_email"].string ?? object["customer"]["email"].string
    metadata = object.metadata
    let details = object["parent"]["subscription_details"]
    lines = object["lines"].listItems.map(Line.init)
    summary = InvoiceSummary(object)
    hasMoreLines = object["lines"]["has_more"].bool ?? false
    subscription =
      details["subscription"].id ?? object["subscription"].id
      ?? lines.lazy.compactMap(\.subscription).first
    subscriptionMetadata = details.metadata
    for source in [object["subscription_details"].metadata, object["subscription"].metadata] {
      subscriptionMetadata.merge(source) { first, _ in first }
    }
    // `paid` went away with basil, `status` came in 2019; where there are both, `status` is the later truth.
    isPaid = object["status"].string.map { $0 == "paid" } ?? object["paid"].bool ?? false
    billingReason = object["billing_reason"].string
    payments = [object["payment_intent"].id, object["charge"].id].compactMap { $0 }
    for payment in object["payments"].listItems.map({ $0["payment"] }) {
      payments += [payment["payment_intent"].id, payment["charge"].id].compactMap { $0 }
    }
  }
}

extension StripeInvoice.Line {
  init(_ line: JSONValue) {
    let parent = line["parent"]
    let ofSubscription = parent["subscription_item_details"]
    let ofItem = parent["invoice_item_details"]
    price = line["pricing"]["price_details"]["price"].id ?? line["price"].id ?? line["plan"].id
    subscription =
      ofSubscription["subscription"].id ?? ofItem["subscription"].id ?? line["subscription"].id
    isProration =
      ofSubscription["proration"].bool ?? ofItem["proration"].bool ?? line["proration"].bool ?? false
    switch parent["type"].string ?? line["type"].string {
    case "subscription_item_details", "subscription": isSubscription = true
    case "invoice_item_details", "invoiceitem": isSubscription = false
    default: isSubscription = ofSubscription.isObject || line["subscription_item"].id != nil
    }
    amount = line["amount"].int ?? 0
    quantity = StripeSubscription.Item.quantity(line["quantity"])
    periodStart = line["period"]["start"].time
    periodEnd = line["period"]["end"].time
    saysTrial = line["description"].string?.hasPrefix("Trial period") ?? false
    metadata = line.metadata
  }
}
