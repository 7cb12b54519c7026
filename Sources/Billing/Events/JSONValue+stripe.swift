import Gate

extension JSONValue {
  /// A time in Unix seconds; nil before 1970 and after 9999, which no arithmetic here must meet.
  var time: Instant? {
    guard let seconds = int, (0...253_402_300_799).contains(seconds) else { return nil }
    return Instant(seconds: seconds)
  }

  /// `metadata`, as far as its values are text (or whole numbers, which some clients send).
  var metadata: [String: String] {
    guard case .object(let members) = self["metadata"] else { return [:] }
    return members.compactMapValues { $0.string ?? $0.int.map { String($0) } }
  }

  /// The items of a Stripe list, which is an object with `data`; or of a plain array.
  var listItems: [JSONValue] {
    if case .array(let items) = self { return items }
    return self["data"].array
  }
}
