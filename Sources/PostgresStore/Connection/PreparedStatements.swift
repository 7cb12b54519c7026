/// The statements that one connection has prepared. Most of what is asked is asked again, and parsing and planning
/// took Postgres more time than doing. Used by the connection's thread alone.
final class PreparedStatements {
  /// Statements that one connection keeps; the texts of this program are fewer.
  private static let countMax = 256

  private struct Key: Hashable {
    var sql: String
    var types: [UInt32]
  }

  private var names: [Key: String] = [:]
  private var seen: Set<Key> = []
  private var made = 0

  /// What to do with a statement.
  enum Way {
    /// As it comes: it was never asked before, or there are too many.
    case plain
    /// Under this name, after it is prepared.
    case new(String)
    /// Under this name.
    case known(String)
  }

  /// The second time that a statement is asked it is prepared.
  func way(_ sql: String, _ types: [UInt32]) -> Way {
    let key = Key(sql: sql, types: types)
    if let name = names[key] { return .known(name) }
    guard names.count < Self.countMax else { return .plain }
    guard seen.contains(key) else {
      if seen.count < 4 * Self.countMax { seen.insert(key) }
      return .plain
    }
    made += 1
    return .new("tg\(made)")
  }

  /// It was prepared.
  func note(_ name: String, _ sql: String, _ types: [UInt32]) {
    let key = Key(sql: sql, types: types)
    names[key] = name
    seen.remove(key)
  }

  /// It is no good any more: a table was changed, or the session reset.
  func forget(_ sql: String, _ types: [UInt32]) { names[Key(sql: sql, types: types)] = nil }
}
