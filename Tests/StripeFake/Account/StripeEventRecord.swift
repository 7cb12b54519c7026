/// Something that happened, kept with the object as it was then, so that it can be shown in any payload shape
/// at any later time.
package struct StripeEventRecord: Sendable, Equatable, Codable {
  /// `evt_…`.
  package var id: String
  /// Stripe's name of it: `invoice.paid`.
  package var type: String
  /// Unix seconds on the account's clock.
  package var created: Int64
  /// `data.object`.
  package var object: StripeObject
  /// The object before, where `previous_attributes` tell the difference.
  package var before: StripeObject?
  /// What its expandable fields name, as it was then.
  var related: [String: StripeObject]
  /// The API request that caused it; nil for the clock and for people.
  var requestID: String?
  var idempotencyKey: String?
}
