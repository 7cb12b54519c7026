internal import AdminAPI

extension Answer {
  /// A page of a list. An empty one has no table, and says so beside.
  static func list(
    _ json: JSON, _ table: TextTable, of items: String, _ count: Int, _ nextCursor: String?
  ) -> Answer {
    var notes: [String] = []
    if count == 0 { notes.append("There are no \(items).") }
    if let nextCursor { notes.append("There are more: --cursor \(nextCursor)") }
    return Answer(json, count == 0 ? [] : [.table(table)], notes: notes)
  }

  /// A secret, alone on standard output: `TOKEN=$(tollgate token issue …)` gets it and nothing else.
  static func secret(_ secret: String, _ json: JSON, _ note: String) -> Answer {
    Answer(json, [.line(secret)], notes: [note, "It is shown this once; only its hash is stored."])
  }
}
