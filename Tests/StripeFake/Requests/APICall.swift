/// One call to the API: what its handler is told.
struct APICall {
  /// What stands for `:id` in the path.
  let id: String
  var parameters: Parameters
  let rendering: Rendering
  /// Events that some endpoint has not taken yet.
  let undelivered: Set<String>

  /// One page of a list, newest first.
  mutating func page<Row>(
    _ table: Table<Row>, kind: String, url: String, created: KeyPath<Row, Int64>, id: KeyPath<Row, String>,
    where fits: (Row) -> Bool, _ write: (Row) -> JSON
  ) throws(StripeFault) -> JSON {
    let limit = try parameters.int("limit") ?? 10
    guard (1...100).contains(limit) else {
      throw StripeFault(
        "Invalid limit: must be between 1 and 100 (was \(limit))", code: "parameter_invalid_integer",
        param: "limit")
    }
    let after = try parameters.text("starting_after")
    let before = try parameters.text("ending_before")
    let range = try timeRange("created")
    try parameters.finish()
    var rows = Array(table.all.reversed().filter { fits($0) && range.contains($0[keyPath: created]) })
    func place(_ cursor: String, _ param: String) throws(StripeFault) -> Int {
      guard let row = table[cursor] else { throw .noSuch(kind, cursor, param: param) }
      return rows.firstIndex { $0[keyPath: id] == row[keyPath: id] } ?? -1
    }
    if let after { rows = Array(rows[(try place(after, "starting_after") + 1)...]) }
    var isMore = rows.count > limit
    if let before {
      rows = Array(rows[..<max(0, try place(before, "ending_before"))])
      isMore = rows.count > limit
      rows = Array(rows.suffix(Int(limit)))
    }
    return .list(rows.prefix(Int(limit)).map(write), url: url, hasMore: isMore)
  }

  /// `created=…`, `created[gte]=…`, `[gt]`, `[lt]`, `[lte]`.
  mutating func timeRange(_ name: String) throws(StripeFault) -> ClosedRange<Int64> {
    if let range = try parameters.below(name, APICall.readRange) { return range }
    guard let time = try parameters.int(name) else { return 0 ... .max }
    return time...time
  }

  private static func readRange(_ bounds: inout Parameters) throws(StripeFault) -> ClosedRange<Int64> {
    var low: Int64 = 0
    var high = Int64.max
    if let time = try bounds.int("gte") { low = max(low, time) }
    if let time = try bounds.int("gt") { low = max(low, time + 1) }
    if let time = try bounds.int("lte") { high = min(high, time) }
    if let time = try bounds.int("lt") { high = min(high, time - 1) }
    return low...max(low, high)
  }
}
