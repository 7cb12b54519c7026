package import Gate

/// The outcome of one statement.
package struct PostgresRows: Sendable {
  private let columns: [String: Int]
  private let values: [String?]
  private let width: Int
  /// Rows given.
  package let count: Int
  /// Rows that an INSERT, UPDATE or DELETE touched; of a SELECT, the rows it gave.
  package let affected: Int

  init(columnNames: [String], values: [String?], count: Int, affected: Int) {
    self.columns = Dictionary(
      columnNames.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    self.values = values
    self.width = columnNames.count
    self.count = count
    self.affected = affected
  }

  static let none = PostgresRows(columnNames: [], values: [], count: 0, affected: 0)

  /// Traps when there is no such row.
  package subscript(row: Int) -> PostgresRow { PostgresRow(rows: self, row: row) }
  /// The first row; nil when there is none.
  package var first: PostgresRow? { count > 0 ? self[0] : nil }
  /// Every row, made into something; throws what the closure throws.
  package func map<T>(_ transform: (PostgresRow) throws(StoreError) -> T) throws(StoreError) -> [T] {
    var items: [T] = []
    items.reserveCapacity(count)
    for row in 0..<count { items.append(try transform(self[row])) }
    return items
  }

  /// The text of a field; nil for NULL. An index or name that isn't there traps: it is a defect of the
  /// SQL beside it.
  package func string(_ row: Int, _ column: Int) -> String? {
    precondition(row >= 0 && row < count && column >= 0 && column < width)
    return values[row * width + column]
  }
  /// By the column's name; traps when there is none of that name.
  package func string(_ row: Int, _ column: String) -> String? {
    guard let index = columns[column] else { preconditionFailure("no column \(column)") }
    return string(row, index)
  }

  /// nil for NULL and for what is no 64-bit integer.
  package func int(_ row: Int, _ column: Int) -> Int64? { string(row, column).flatMap { Int64($0) } }
  /// As ``int(_:_:)`` by index.
  package func int(_ row: Int, _ column: String) -> Int64? { string(row, column).flatMap { Int64($0) } }
  /// nil for NULL and for what is no number.
  package func double(_ row: Int, _ column: String) -> Double? { string(row, column).flatMap { Double($0) } }
  /// nil for NULL.
  package func bool(_ row: Int, _ column: Int) -> Bool? { string(row, column).map { $0 == "t" } }
  /// nil for NULL.
  package func bool(_ row: Int, _ column: String) -> Bool? { string(row, column).map { $0 == "t" } }
  /// Of a bytea column.
  package func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
    string(row, column).flatMap { PostgresArray.bytes(hexadecimal: $0) }
  }
  /// Of a bytea column; nil for NULL.
  package func bytes(_ row: Int, _ column: String) -> [UInt8]? {
    string(row, column).flatMap { PostgresArray.bytes(hexadecimal: $0) }
  }
  /// Of a timestamptz column, cut to the millisecond; `infinity` is nil.
  package func instant(_ row: Int, _ column: Int) -> Instant? {
    string(row, column).flatMap { Instant(postgresText: $0) }
  }
  /// Of a timestamptz column, cut to the millisecond; nil for NULL and `infinity`.
  package func instant(_ row: Int, _ column: String) -> Instant? {
    string(row, column).flatMap { Instant(postgresText: $0) }
  }
  /// Of a one-dimensional array of anything, its elements as text; nil for NULL.
  package func textArray(_ row: Int, _ column: String) -> [String?]? {
    string(row, column).flatMap { PostgresArray.elements($0) }
  }
  /// Of a one-dimensional array of integers; nil for NULL.
  package func intArray(_ row: Int, _ column: String) -> [Int64?]? {
    textArray(row, column)?.map { $0.flatMap { Int64($0) } }
  }
}

/// One row: the fields by name.
package struct PostgresRow: Sendable {
  let rows: PostgresRows
  let row: Int

  /// nil for NULL. This and the readers below trap on a name that is no column.
  package func string(_ column: String) -> String? { rows.string(row, column) }
  /// nil for NULL and for what is no 64-bit integer.
  package func int(_ column: String) -> Int64? { rows.int(row, column) }
  /// nil for NULL and for what is no number.
  package func double(_ column: String) -> Double? { rows.double(row, column) }
  /// nil for NULL.
  package func bool(_ column: String) -> Bool? { rows.bool(row, column) }
  /// Of a bytea column; nil for NULL.
  package func bytes(_ column: String) -> [UInt8]? { rows.bytes(row, column) }
  /// Of a timestamptz column, cut to the millisecond; nil for NULL and `infinity`.
  package func instant(_ column: String) -> Instant? { rows.instant(row, column) }
  /// Of a one-dimensional array; nil for NULL.
  package func textArray(_ column: String) -> [String?]? { rows.textArray(row, column) }
  /// Of a one-dimensional array of integers; nil for NULL.
  package func intArray(_ column: String) -> [Int64?]? { rows.intArray(row, column) }

  /// The field, which must be there: `internalError` when it is NULL or unreadable.
  package func need<T>(_ column: String, _ read: (PostgresRow) -> (String) -> T?) throws(StoreError) -> T {
    guard let value = read(self)(column) else {
      throw .internalError("column \(column) is null or unreadable")
    }
    return value
  }
}
