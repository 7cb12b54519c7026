internal import Foundation
internal import Gate
internal import PostgresStore

/// Where an import comes from. It is read twice: to look whether it is good, and to take it over.
protocol ImportSource: Sendable {
  /// Reads all of it, piece by piece.
  func read(_ take: (ImportPiece) async throws -> Void) async throws
}

/// A piece of it.
struct ImportPiece {
  var accounts: [ImportedAccount] = []
  var mistakes: [ImportMistake] = []
  /// Keys that are Tollgate's own, or were given before.
  var skipped: Int64 = 0
  /// Overdrawn ones, which count as nothing left.
  var overdrawn: Int64 = 0
  /// How far it is: 0 to 1.
  var share = 0.0
  /// The key of an account's line, where it is no line of a file.
  var keys: [Int64: String] = [:]
}

/// A file of comma-separated values; ``ImportTable`` has its columns.
struct CSVSource: ImportSource {
  let path: String
  let catalog: Catalog
  let now: Instant

  private static let bytesPerRead = 262_144

  func read(_ take: (ImportPiece) async throws -> Void) async throws {
    let file: FileHandle
    do {
      file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    } catch {
      throw CommandFailure("\(path) can't be read: \(error.localizedDescription)")
    }
    defer { try? file.close() }
    let size = try file.seekToEnd()
    try file.seek(toOffset: 0)
    var reader = CSVReader()
    var table: ImportTable?
    var done = 0
    do {
      while let data = try file.read(upToCount: CSVSource.bytesPerRead), !data.isEmpty {
        done += data.count
        var piece = ImportPiece()
        for record in try reader.feed(data) { try read(record, &table, into: &piece) }
        piece.share = Double(done) / Double(max(size, 1))
        try await take(piece)
      }
      var last = ImportPiece(share: 1)
      if let record = try reader.finish() { try read(record, &table, into: &last) }
      if table == nil {
        throw ImportMistake(line: 1, message: "is missing: the first line names the columns")
      }
      try await take(last)
    } catch let mistake as CSVReader.Mistake {
      // From here on nothing tells what belongs to what.
      throw ImportMistake(line: mistake.line, message: mistake.message)
    }
  }

  private func read(
    _ record: CSVReader.Record, _ table: inout ImportTable?, into piece: inout ImportPiece
  ) throws {
    guard table != nil else {
      table = try ImportTable(head: record, catalog: catalog, now: now)
      return
    }
    guard let (account, mistakes) = table?.read(record) else { return }
    if let account { piece.accounts.append(account) }
    piece.mistakes += mistakes
  }
}
