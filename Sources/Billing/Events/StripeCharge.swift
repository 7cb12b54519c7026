/// A charge, or a dispute of one: what is needed to take a purchase back.
package struct StripeCharge: Equatable {
  var id: String
  /// The charge, of a dispute too.
  var charge: String?
  var paymentIntent: String?
  var customer: String?
  /// Refunded in full.
  var isRefunded: Bool
  /// In the currency's smallest unit.
  var amount: Int64
  var amountRefunded: Int64
  /// Everything by which the purchase may be known: the charge, its payment intent, its invoice.
  var references: [String]

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    let isDispute = object["object"].string == "dispute"
    charge = isDispute ? object["charge"].id : id
    paymentIntent = object["payment_intent"].id ?? object["charge"]["payment_intent"].id
    customer = object["customer"].id ?? object["charge"]["customer"].id
    amount = object["amount"].int ?? 0
    amountRefunded = object["amount_refunded"].int ?? 0
    // A charge of which all is refunded says so; where it doesn't, the amounts do.
    isRefunded = object["refunded"].bool ?? (amount > 0 && amountRefunded >= amount)
    references = []
    take(object)
  }

  /// What the same object, or an expanded one in it, says of the purchase.
  mutating func take(_ object: JSONValue) {
    let found = [
      charge, paymentIntent, object["payment_intent"].id, object["invoice"].id,
      object["payment_intent"]["invoice"].id, object["charge"]["payment_intent"].id,
      object["charge"]["invoice"].id,
    ]
    paymentIntent = paymentIntent ?? object["payment_intent"].id
    for reference in found.compactMap({ $0 }) { add(reference) }
  }

  mutating func add(_ reference: String) {
    if !references.contains(reference) { references.append(reference) }
  }
}
