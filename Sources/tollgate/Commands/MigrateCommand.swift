import ArgumentParser
import PostgresStore
import Settings
import TollgateServer

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Brings the Postgres schema up to this version; safe to run twice at once.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settings()
    let applied = try await Migrator.migrate(Backend.postgres(settings.server), logger: common.logger())
    Terminal.print(
      applied.isEmpty ? "The schema is up to date." : "Applied: \(applied.joined(separator: ", "))")
  }
}
