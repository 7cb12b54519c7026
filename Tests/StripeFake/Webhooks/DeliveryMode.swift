/// What may befall events on their way. Several can be had at once; none of them: in order, once each.
package enum DeliveryMode: String, CaseIterable, Sendable {
  /// In any order.
  case shuffled
  /// Up to three times, under the same id.
  case duplicated
  /// Once more under another id: two events of one fact.
  case twins
  /// Up to an hour late.
  case delayed
  /// The first attempt gets lost, and a retry brings it.
  case dropped

  /// The modes of a list such as `shuffled,twins`; nil when it has other words. `in_order` and nothing mean
  /// none, `all` all of them.
  package static func set(_ list: String) -> Set<DeliveryMode>? {
    var modes: Set<DeliveryMode> = []
    for word in list.split(separator: ",") where word != "in_order" {
      if word == "all" {
        modes.formUnion(allCases)
      } else if let mode = DeliveryMode(rawValue: String(word)) {
        modes.insert(mode)
      } else {
        return nil
      }
    }
    return modes
  }
}
