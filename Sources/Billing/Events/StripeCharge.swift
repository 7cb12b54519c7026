/// A charge, or a dispute of one: what is needed to take a purchase back.
package struct StripeCharge: Equatable {
  var id: String
  var customer: String?
  /// Refunded in full.
  var isRefunded: Bool
  /// Everything by which the purchase may be known: the charge, its payment intent, its invoice.
  var references: [String]

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    customer = object["customer"].id
    isRefunded = object["refunded"].bool ?? false
    references = [
      object["object"].string == "dispute" ? nil : id, object["charge"].id, object["payment_intent"].id,
      object["invoice"].id, object["charge"]["payment_intent"].id, object["charge"]["invoice"].id,
    ].compactMap { $0 }
  }
}
