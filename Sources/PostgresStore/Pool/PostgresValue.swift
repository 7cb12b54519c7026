package import Gate

/// A bound parameter. Values never stand in SQL text.
package enum PostgresValue: Sendable {
  case null
  /// Its type is inferred by the server; where it can't be, cast: `$1::text`.
  case text(String)
  case int(Int64)
  case bool(Bool)
  /// bytea, sent as it is.
  case bytes([UInt8])
  /// timestamptz.
  case instant(Instant)
  case textArray([String?])
  case intArray([Int64?])
  case bytesArray([[UInt8]])
  /// An array of what the SQL says, its elements in text form: `$1::timestamptz[]`.
  case array([[UInt8]?])
  /// jsonb, as text.
  case json(String)
  case double(Double)

  /// Rows of the same width as one array for each column, for `unnest($1::text[], $2::bigint[])`; NULLs stay NULL.
  package static func columns(_ rows: [[PostgresValue]]) -> [PostgresValue] {
    guard let width = rows.first?.count else { return [] }
    return (0..<width).map { column in .array(rows.map { $0[column].element }) }
  }

  /// As an element of ``array(_:)``.
  private var element: [UInt8]? {
    if case .bytes(let bytes) = self { return [92, 120] + PostgresArray.hexadecimal(bytes) }
    return wireBytes
  }

  /// NULL for nil.
  package static func text(orNull value: String?) -> PostgresValue { value.map { .text($0) } ?? .null }
  /// NULL for nil.
  package static func int(orNull value: Int64?) -> PostgresValue { value.map { .int($0) } ?? .null }
  /// NULL for nil.
  package static func instant(orNull value: Instant?) -> PostgresValue {
    value.map { .instant($0) } ?? .null
  }

  /// The type's object id in `pg_type`; 0 leaves it to the server.
  var typeID: UInt32 {
    switch self {
    case .null, .text, .array: 0
    case .int: 20
    case .bool: 16
    case .bytes: 17
    case .instant: 1184
    case .textArray: 1009
    case .intArray: 1016
    case .bytesArray: 1001
    case .json: 3802
    case .double: 701
    }
  }

  var isBinary: Bool {
    if case .bytes = self { true } else { false }
  }

  /// What goes over the wire, without the terminating zero; nil for NULL.
  var wireBytes: [UInt8]? {
    switch self {
    case .null: nil
    case .text(let text), .json(let text): Array(text.utf8)
    case .int(let value): Array(String(value).utf8)
    case .bool(let value): [value ? 116 : 102]
    case .bytes(let bytes): bytes
    case .instant(let instant): Array(instant.postgresText.utf8)
    case .double(let value): Array(value.description.utf8)
    case .intArray(let values):
      Array("{\(values.map { $0.map { String($0) } ?? "NULL" }.joined(separator: ","))}".utf8)
    case .textArray(let values): PostgresArray.literal(values.map { $0.map { Array($0.utf8) } })
    case .array(let elements): PostgresArray.literal(elements)
    case .bytesArray(let values):
      PostgresArray.literal(values.map { [92, 120] + PostgresArray.hexadecimal($0) })
    }
  }
}

extension Instant {
  /// ISO 8601 with milliseconds, as timestamptz reads it.
  var postgresText: String {
    let fraction = milliseconds - seconds * 1000
    let digits = String(1000 + fraction).dropFirst()
    return "\(rfc3339.dropLast()).\(digits)Z"
  }

  /// Reads timestamptz's text with DateStyle ISO and TimeZone UTC: `2026-12-01 00:00:00.123456+00`. `infinity`
  /// is nil: for an expiry that is never, as NULL is.
  init?(postgresText text: String) {
    guard text.hasSuffix("+00"), text.utf8.count >= 22 else { return nil }
    var bytes = Array(text.utf8.dropLast(3))
    guard bytes[10] == 32 else { return nil }
    bytes[10] = 84
    bytes.append(90)
    self.init(rfc3339: String(decoding: bytes, as: UTF8.self))
  }
}
