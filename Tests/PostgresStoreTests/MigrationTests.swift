import CEmbedded
import Foundation
import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct MigrationTests {
  @Test func everyFileIsEmbeddedByteForByte() throws {
    let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/PostgresStore/Migrations")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".sql") }.sorted()
    #expect(names.map { String($0.dropLast(4)) } == Migration.all.map(\.name))
    for (name, migration) in zip(names, Migration.all) {
      let file = try Data(contentsOf: folder.appendingPathComponent(name))
      #expect(Array(file) == Array(migration.sql.utf8), "\(name)")
    }
  }

  @Test func severalAtOnceApplyEachStepOnce() async throws {
    let server = try await PostgresServer.shared()
    let configuration = PostgresConfiguration(url: try await server.makeDatabase(), schema: "gate_1")
    let applied = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<4 {
        group.addTask { try await Migrator.migrate(configuration, logger: TestDatabase.logger) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(applied.sorted() == Migration.all.map(\.name))
    let status = try await Migrator.status(configuration, logger: TestDatabase.logger)
    #expect(status.allSatisfy { $0.appliedAt != nil && !$0.isForeign })
    #expect(status.map(\.name) == Migration.all.map(\.name))
  }

  @Test func aChangedStepIsRefused() async throws {
    let server = try await PostgresServer.shared()
    let configuration = PostgresConfiguration(url: try await server.makeDatabase())
    let step = Migration(name: "0001-a", sql: "CREATE TABLE a (id int)")
    #expect(
      try await Migrator.migrate(configuration, migrations: [step], logger: TestDatabase.logger) == ["0001-a"]
    )
    var changed = step
    changed.sql += ";"
    await #expect(throws: StoreError.self) {
      try await Migrator.migrate(configuration, migrations: [changed], logger: TestDatabase.logger)
    }
    let status = try await Migrator.status(
      configuration, migrations: [changed], logger: TestDatabase.logger)
    #expect(status.map(\.isForeign) == [true])
  }

  @Test func aStepThatFailsLeavesNothing() async throws {
    let server = try await PostgresServer.shared()
    let configuration = PostgresConfiguration(url: try await server.makeDatabase())
    let steps = [
      Migration(name: "0001-a", sql: "CREATE TABLE a (id int)"),
      Migration(name: "0002-b", sql: "CREATE TABLE b (id int); SELECT 1 / 0"),
    ]
    await #expect(throws: StoreError.self) {
      try await Migrator.migrate(configuration, migrations: steps, logger: TestDatabase.logger)
    }
    let tables = try await server.psql(
      "SELECT tablename FROM pg_tables WHERE schemaname = 'tollgate' ORDER BY 1", url: configuration.url)
    #expect(tables == "a\nmigrations")
    let status = try await Migrator.status(configuration, migrations: steps, logger: TestDatabase.logger)
    #expect(status.map { $0.appliedAt != nil } == [true, false])
  }
}
