internal import Gate

/// The fields of one request as they are read: each is asked for by name and rule, what is wrong is
/// gathered, and ``check()`` answers 400 with all of it at once. Unknown fields are wrong, too.
struct Fields {
  private let members: [String: JSON]
  private let isQuery: Bool
  private(set) var errors: [FieldError] = []

  /// Those of a JSON body; an empty body is an object without members.
  init(body request: ControlRequest, known: Set<String>) throws(Problem) {
    isQuery = false
    guard !request.body.isEmpty else {
      members = [:]
      return
    }
    if let type = try request.value(of: "Content-Type") {
      let essence = type.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() }
      guard essence == "application/json" else {
        throw Problem(.unsupportedMediaType, "The body has to be application/json.")
      }
    }
    let value: JSON
    do throws(JSONError) { value = try JSON(parsing: request.body) } catch {
      throw .invalid(error.field ?? "body", error.message)
    }
    guard case .object(let list) = value else { throw .invalid("body", "must be a JSON object") }
    members = Dictionary(list.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    refuse(list.map(\.name), notIn: known)
  }

  /// Those of the query; an empty value is the same as none.
  init(query request: ControlRequest, known: Set<String>) throws(Problem) {
    isQuery = true
    let list = try Query.parse(request.query)
    members = Dictionary(
      list.filter { !$0.value.isEmpty }.map { ($0.name, .string($0.value)) },
      uniquingKeysWith: { first, _ in first })
    refuse(list.map(\.name), notIn: known)
    var seen: Set<String> = []
    for (name, _) in list where !seen.insert(name).inserted {
      errors.append(FieldError(Fields.shown(name), "is given twice"))
    }
  }

  private mutating func refuse(_ names: [String], notIn known: Set<String>) {
    for name in names where !known.contains(name) {
      errors.append(FieldError(Fields.shown(name), "is not a known field"))
    }
  }

  /// A name that a caller made up, cut short before it is sent back.
  private static func shown(_ name: String) -> String { String(name.prefix(64)) }

  /// Left out, set to null, or set.
  mutating func change<Value>(_ name: String, _ rule: FieldRule<Value>) -> Change<Value> {
    guard let given = members[name] else { return .keep }
    if given == .null { return .set(nil) }
    var value = given
    if isQuery, case .string(let text) = given { value = rule.fromQuery(text) }
    do throws(FieldRefusal) { return .set(try rule.read(value)) } catch {
      errors.append(FieldError(name, error.message))
      return .keep
    }
  }

  /// The value, or nil when it is left out or null.
  mutating func optional<Value>(_ name: String, _ rule: FieldRule<Value>) -> Value? {
    if case .set(let value) = change(name, rule) { value } else { nil }
  }

  /// The value; what is missing is noted. nil only when ``check()`` is going to throw.
  mutating func required<Value>(_ name: String, _ rule: FieldRule<Value>) -> Value? {
    if members[name] == nil || members[name] == .null {
      errors.append(FieldError(name, "is required"))
      return nil
    }
    return optional(name, rule)
  }

  /// It is there, and not null.
  func has(_ name: String) -> Bool { members[name].map { $0 != .null } ?? false }

  /// Notes what no rule of a single field can see.
  mutating func refuse(_ name: String, _ message: String) {
    errors.append(FieldError(name, message))
  }

  /// 400 when anything was wrong.
  func check() throws(Problem) {
    guard errors.isEmpty else { throw problem }
  }

  /// The 400 itself, for the `else` of a guard.
  var problem: Problem { .invalid(errors.isEmpty ? [FieldError("body", "is not valid")] : errors) }
}

extension Fields {
  static let page: Set<String> = ["limit", "cursor"]

  /// `limit` and `cursor` of a list.
  mutating func page() -> PageRequest {
    let limits = Int64(Limits.pageItems.lowerBound)...Int64(Limits.pageItems.upperBound)
    let limit = optional("limit", .integer(limits))
    return PageRequest(
      limit: limit.map(Int.init) ?? Limits.pageItemsDefault, cursor: optional("cursor", .cursor))
  }

  /// `from` and `to`, in that order.
  mutating func span() -> (from: Instant?, to: Instant?) {
    let from = optional("from", .time)
    let to = optional("to", .time)
    if let from, let to, from >= to { refuse("to", "must be later than from") }
    return (from, to)
  }
}
