extension JSON {
  /// What an object had where `after` has something else: `data.previous_attributes`. Hashes are compared
  /// member by member, lists as a whole, and what wasn't there is null; nil when nothing differs.
  func previousAttributes(after: JSON) -> JSON? {
    var previous: [Member] = []
    for name in (members + after.members).map(\.name) where !previous.contains(where: { $0.name == name }) {
      let (old, new) = (self[name], after[name])
      guard old != new else { continue }
      if case .object = old, case .object = new, old["object"].string != "list" {
        if let inner = old.previousAttributes(after: new) {
          previous.append(Member(name: name, value: inner))
        }
      } else if old["object"].string == "list" {
        previous.append(Member(name: name, value: ["data": old["data"]]))
      } else {
        previous.append(Member(name: name, value: old))
      }
    }
    return previous.isEmpty ? nil : .object(previous)
  }
}
