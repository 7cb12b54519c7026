/// A customer object.
package struct StripeCustomer: Equatable {
  var id: String
  var email: String?
  var metadata: [String: String]

  init?(_ object: JSONValue) {
    guard let id = object["id"].id else { return nil }
    self.id = id
    email = object["email"].string
    metadata = object.metadata
  }
}
