import CEmbedded

/// One step of the schema. Steps are only ever added: a step that ran somewhere is never edited.
package struct Migration: Sendable, Equatable {
  /// The file's name without `.sql`: `0001-accounts`. Steps run in the order of their names.
  package var name: String
  /// Any number of statements; run in one transaction.
  package var sql: String

  /// Tests make their own; the real ones are ``all``.
  package init(name: String, sql: String) {
    self.name = name
    self.sql = sql
  }

  /// The steps that this binary carries.
  package static let all: [Migration] = {
    (0..<Int(tollgate_migration_file_count)).map { index in
      let file = unsafe tollgate_migration_file(index)
      let bytes = unsafe UnsafeBufferPointer(start: file.bytes, count: file.count)
      return unsafe Migration(name: String(cString: file.name), sql: String(decoding: bytes, as: UTF8.self))
    }
  }()
}
