import Foundation
import Synchronization

/// A Postgres of the tests' own: a cluster in a temporary directory, on a free port of 127.0.0.1 and a
/// Unix socket. It is killed with the test process.
package final class PostgresServer: Sendable {
  /// On 127.0.0.1.
  package let port: Int
  /// The directory of the Unix socket.
  package let socketDirectory: String
  private let process: ServerProcess
  private let databases = Mutex(0)

  /// Of the superuser `tollgate`, without a password: the database `postgres`.
  package var url: String { url(database: "postgres") }

  /// A cluster of its own, for tests that stop or kill it; about a second. Without `durable` (fsync) what
  /// is committed still survives a kill of the server, but not of the machine.
  package static func start(durable: Bool = false, options: [String] = []) async throws -> PostgresServer {
    var failure: any Error = TestServerError(description: "no free port")
    // Another process may have taken the port by then.
    for _ in 0..<5 {
      do {
        let server = try await PostgresServer(durable: durable, options: options)
        try await server.launch()
        return server
      } catch { failure = error }
    }
    throw failure
  }

  /// The one cluster that a test run shares; each test makes a database (``makeDatabase()``).
  package static func shared() async throws -> PostgresServer { try await sharedTask.value }
  private static let sharedTask = Task { try await PostgresServer.start() }

  private init(durable: Bool, options: [String]) async throws {
    let port = ServerProcess.port()
    let directory = try TestDirectory.make("postgres")
    self.port = port
    socketDirectory = directory
    let data = "\(directory)/data"
    let asOwner = try PostgresServer.asOwner(of: directory)
    let tools = try PostgresServer.tools()
    var settings = [
      "port=\(port)", "listen_addresses=127.0.0.1", "unix_socket_directories=\(directory)",
      "max_connections=300", "shared_buffers=64MB", "max_wal_size=256MB", "logging_collector=off",
    ]
    if !durable { settings += ["fsync=off", "full_page_writes=off"] }
    settings += options
    let arguments = settings.flatMap { ["-c", $0] }
    process = ServerProcess(directory: directory) {
      asOwner + ["\(tools)/postgres", "-D", data] + arguments
    }
    let made = try await process.run(
      asOwner + [
        "\(tools)/initdb", "-D", data, "-U", "tollgate", "-A", "trust", "-E", "UTF8", "--no-locale",
        "--no-sync",
      ])
    guard made == 0 else { throw TestServerError(description: "initdb failed with \(made)") }
  }

  /// An empty database; its URL.
  package func makeDatabase() async throws -> String {
    let number = databases.withLock { count in
      count += 1
      return count
    }
    let name = "test\(number)"
    try await run("CREATE DATABASE \(name)", database: "postgres")
    return url(database: name)
  }

  /// Of the superuser `tollgate`, without a password.
  package func url(database: String) -> String { "postgres://tollgate@127.0.0.1:\(port)/\(database)" }

  /// Runs SQL with psql, as another system would; its output, one line per row, `|` between columns.
  @discardableResult
  package func psql(_ sql: String, url: String) async throws -> String {
    let output = "\(process.directory)/psql-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    let code = try await process.run(
      [try PostgresServer.tools() + "/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-o", output, "-c", sql, url])
    guard code == 0 else { throw TestServerError(description: "psql failed with \(code): \(sql)") }
    return try String(contentsOfFile: output, encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Ends it at once but in order, as `pg_ctl stop -m fast`.
  package func stop() async throws {
    process.kill(SIGINT)
    try await process.waitForEnd()
  }

  /// As a crash of the server; returns when it is gone.
  package func kill9() async throws {
    process.kill(SIGKILL)
    try await process.waitForEnd()
  }

  /// Stops the postmaster (not its children): nobody can connect, and nobody is refused.
  package func pause() { process.kill(SIGSTOP) }
  /// Undoes ``pause()``.
  package func resume() { process.kill(SIGCONT) }

  /// Starts it on the same port and data; stops it before when it runs.
  package func restart() async throws {
    try await stop()
    var failure: any Error = TestServerError(description: "not restarted")
    // After kill9 the old server's children hold its memory for a moment.
    for _ in 0..<20 {
      do { return try await launch() } catch { failure = error }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw failure
  }

  /// Asked through the socket, which is ours for certain; the port may be another's by now.
  private func launch() async throws {
    try await process.start(
      isReady: [try PostgresServer.tools() + "/pg_isready", "-q", "-h", socketDirectory, "-p", String(port)])
  }

  private func run(_ sql: String, database: String) async throws {
    try await psql(sql, url: url(database: database))
  }

  /// The newest version that is installed.
  private static func tools() throws -> String {
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    guard let newest = versions.compactMap({ Int($0) }).max() else {
      throw TestServerError(description: "no Postgres in \(root)")
    }
    return "\(root)/\(newest)/bin"
  }

  /// Postgres refuses to run as root: then it runs as `postgres`, who gets the directory.
  private static func asOwner(of directory: String) throws -> [String] {
    guard geteuid() == 0 else { return [] }
    try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: directory)
    return [
      "/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig", "KILL",
    ]
  }
}
