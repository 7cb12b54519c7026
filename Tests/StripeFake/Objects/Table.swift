/// Objects of one kind by id, in the order in which they were made.
package struct Table<Row: Sendable>: Sendable {
  private var rows: [String: Row] = [:]
  /// Oldest first.
  package private(set) var ids: [String] = []

  /// The row; setting nil takes it out.
  package subscript(id: String) -> Row? {
    get { rows[id] }
    set {
      if newValue == nil { ids.removeAll { $0 == id } } else if rows[id] == nil { ids.append(id) }
      rows[id] = newValue
    }
  }

  /// Oldest first.
  package var all: [Row] { ids.compactMap { rows[$0] } }
  package var count: Int { ids.count }
}

extension Table: Encodable where Row: Encodable {}
extension Table: Decodable where Row: Decodable {}
