import ArgumentParser
import Foundation
import Gate
import Logging
import Settings
import TollgateServer

/// What every command understands.
struct CommonOptions: ParsableArguments {
  @Option(name: .long, help: "The config file; default: TOLLGATE_CONFIG, else config/tollgate.yaml.")
  var config: String?

  /// Reads the settings; what is wrong with them is printed, one mistake a line, and the command ends with 1.
  func settings() throws -> Settings {
    do {
      return try Settings.load(path: config, environment: ProcessInfo.processInfo.environment)
    } catch {
      Terminal.error("\(error)")
      throw ExitCode(CommandEnd.failed)
    }
  }

  /// For commands: only what went wrong, on standard error.
  func logger() -> Logger {
    Logger(label: "tollgate") { JSONLogHandler(label: $0, level: .critical) }
  }

  /// For the server: as the settings have it.
  func logger(_ settings: Settings) -> Logger {
    let log = settings.server.log
    let level = Logger.Level(rawValue: log.level.rawValue) ?? .info
    return Logger(label: "tollgate") { label in
      switch log.format {
      case .json: return JSONLogHandler(label: label, level: level)
      case .text:
        var handler = StreamLogHandler.standardError(label: label)
        handler.logLevel = level
        return handler
      }
    }
  }
}

/// What every command that has something to tell understands.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Prints JSON, as the admin API gives it.")
  var json = false

  /// Prints an answer; one with a failure ends the command with 1.
  func show(_ answer: Answer) throws {
    if json {
      Terminal.print(answer.json)
    } else {
      Table.print(answer)
    }
    if let failure = answer.failure { throw failure }
  }

  /// Shows the answer to something that takes long, and until then, on a terminal, how far it is.
  func showLongWork(_ work: (@escaping (String) -> Void) async throws -> Answer) async throws {
    let isTerminal = isatty(STDERR_FILENO) == 1
    defer { if isTerminal { Terminal.progress("") } }
    let answer = try await work { line in if isTerminal { Terminal.progress(line) } }
    if isTerminal { Terminal.progress("") }
    try show(answer)
  }
}

/// Which part of a list.
struct PageOptions: ParsableArguments {
  @Option(help: "Items at most, 1 to 200; default: 50.", transform: ArgumentText.limit)
  var limit = Limits.pageItemsDefault

  @Option(help: "Goes on where a list ended.", transform: ArgumentText.cursor)
  var cursor: String?

  var request: PageRequest { PageRequest(limit: limit, cursor: cursor) }
}

/// Whose budget.
struct AccountOptions: ParsableArguments {
  @Option(help: "A user's own budget.", transform: ArgumentText.identifier)
  var user: String?

  @Option(help: "A tenant's pool.", transform: ArgumentText.identifier)
  var tenant: String?

  func validate() throws {
    guard (user == nil) != (tenant == nil) else {
      throw ValidationError("Give either --user or --tenant.")
    }
  }

  var account: AccountID { user.map(AccountID.user) ?? .tenant(tenant ?? "") }
}

/// Standard output and error.
enum Terminal {
  static func print(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
  static func error(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
  /// In the place of the line before, on a terminal.
  static func progress(_ text: String) {
    FileHandle.standardError.write(Data("\r\u{1B}[2K\(text)".utf8))
  }
}
