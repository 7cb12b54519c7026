import Foundation

/// A whole response.
struct Answer: Sendable {
  var status: Int
  var headers: [(name: String, value: String)]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
  /// `.null` where the body is no JSON.
  var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(body))) ?? .null }
  var code: String? { json["code"].string }
  var budget: BudgetSeen { BudgetSeen(json["budget"]) }

  /// The header's value; nil where there is none, and where there are two.
  func header(_ name: String) -> String? {
    let values = headers.filter { $0.name.lowercased() == name.lowercased() }
    return values.count == 1 ? values[0].value : nil
  }

  /// The first response in `bytes` and its length; nil when it is not whole yet.
  static func parse(_ bytes: [UInt8], isHead: Bool, isEnd: Bool) -> (Answer, length: Int)? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, let status = Int(words[1]) else { return nil }
    let headers = lines.dropFirst().map { line -> (name: String, value: String) in
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
    }
    var answer = Answer(status: status, headers: headers, body: [])
    if isHead || status == 204 || status == 304 || status < 200 { return (answer, end.upperBound) }
    if let length = answer.header("Content-Length").flatMap({ Int($0) }) {
      guard bytes.count >= end.upperBound + length else { return nil }
      answer.body = Array(bytes[end.upperBound..<end.upperBound + length])
      return (answer, end.upperBound + length)
    }
    if answer.header("Transfer-Encoding")?.lowercased() == "chunked" {
      guard let (body, length) = chunks(bytes[end.upperBound...]) else { return nil }
      answer.body = body
      return (answer, end.upperBound + length)
    }
    guard isEnd else { return nil }
    answer.body = Array(bytes[end.upperBound...])
    return (answer, bytes.count)
  }

  private static func chunks(_ bytes: ArraySlice<UInt8>) -> ([UInt8], length: Int)? {
    var body: [UInt8] = []
    var rest = bytes
    while let line = rest.firstRange(of: Array("\r\n".utf8)) {
      let text = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
      guard let size = Int(text, radix: 16), rest.endIndex >= line.upperBound + size + 2 else { return nil }
      body += rest[line.upperBound..<line.upperBound + size]
      rest = rest[(line.upperBound + size + 2)...]
      if size == 0 { return (body, rest.startIndex - bytes.startIndex) }
    }
    return nil
  }
}

/// A budget as an answer shows it.
struct BudgetSeen: Equatable, Sendable {
  var limit, used, held, remaining, debt: Int64?
  var resetsAt: String?

  init(_ json: JSONValue) {
    limit = json["limit"].integer
    used = json["used"].integer
    held = json["held"].integer
    remaining = json["remaining"].integer
    debt = json["debt"].integer
    resetsAt = json["resets_at"].string
  }

  /// The invariant that a caller can check.
  var adds: Bool {
    guard let limit, let used, let held, let remaining, let debt else { return false }
    return limit + debt == used + held + remaining && (debt == 0 || remaining == 0)
  }
}

/// Any JSON, told apart exactly: `true` is not 1, and `1.0` is read as the integer only where nothing is
/// lost.
enum JSONValue: Decodable, Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// `.null` where there is no such member.
  subscript(_ name: String) -> JSONValue {
    guard case .object(let members) = self else { return .null }
    return members[name] ?? .null
  }

  subscript(_ index: Int) -> JSONValue {
    guard index < items.count else { return .null }
    return items[index]
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var items: [JSONValue] { if case .array(let value) = self { value } else { [] } }
  /// The names of an object's members.
  var names: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
}
