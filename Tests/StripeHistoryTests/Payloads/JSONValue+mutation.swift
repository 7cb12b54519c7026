import Billing
import StripeFake

extension JSONValue {
  /// Words that Stripe may add to at any time, and that decide nothing here.
  private static let openWords: Set<String> = [
    "api_version", "billing_reason", "collection_method", "cancellation_reason", "feedback", "interval",
    "network_status", "proration_behavior", "reason", "tax_exempt", "ui_mode", "usage_type",
  ]

  /// The same with members that nobody knows yet, in objects of any depth, and with new words for old things.
  func withUnknownValues(_ random: inout SplitMix) -> JSONValue {
    switch self {
    case .array(let items): return .array(items.map { $0.withUnknownValues(&random) })
    case .object(let members):
      var changed: [String: JSONValue] = [:]
      for (name, value) in members.sorted(by: { $0.key < $1.key }) {
        let isOpen = JSONValue.openWords.contains(name) && value.string != nil
        changed[name] = isOpen ? .string("word_of_the_future") : value.withUnknownValues(&random)
      }
      if random.chance(40) { changed["field_of_the_future"] = JSONValue.absurd(&random) }
      return .object(changed)
    default: return self
    }
  }

  /// The same event with one value somewhere in its object, seldom outside of it, dropped or made absurd.
  func mutatedEvent(_ random: inout SplitMix) -> JSONValue {
    guard random.chance(95), case .object(var envelope) = self else { return mutated(&random) }
    envelope["data"] = .object(["object": self["data"]["object"].mutated(&random)])
    return .object(envelope)
  }

  /// The same with one value somewhere in it dropped, or in place of it one that makes no sense.
  func mutated(_ random: inout SplitMix) -> JSONValue {
    if !isObject, random.chance(15) { return JSONValue.absurd(&random) }
    switch self {
    case .object(var members):
      guard let name = random.pick(members.keys.sorted()) else { return JSONValue.absurd(&random) }
      members[name] = random.chance(12) ? nil : members[name]?.mutated(&random)
      return .object(members)
    case .array(var items):
      guard let index = random.pick(Array(items.indices)) else { return JSONValue.absurd(&random) }
      // The same item twice, too.
      if random.chance(20) {
        items.append(items[index])
      } else {
        items[index] = items[index].mutated(&random)
      }
      return .array(items)
    default: return JSONValue.absurd(&random)
    }
  }

  private static func absurd(_ random: inout SplitMix) -> JSONValue {
    let id = JSONValue.object(["id": .string("sub_other")])
    let values: [JSONValue] = [
      .null, .bool(true), .bool(false), .int(.max), .int(.min), .int(-1), .int(0), .int(253_402_300_800),
      .double(1e300), .double(0.5), .string(""), .string("x"), .string("\u{0}"), .string("paid"),
      .string(String(repeating: "9", count: 400)), .array([]), .array([.null, id]), .object([:]), id,
    ]
    return random.pick(values) ?? .null
  }
}
