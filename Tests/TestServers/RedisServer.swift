import Foundation

/// A Redis of the tests' own, on a free port of 127.0.0.1 and a Unix socket. It is killed with the test
/// process.
package final class RedisServer: Sendable {
  /// On 127.0.0.1.
  package let port: Int
  /// The path of the socket.
  package let unixSocket: String
  /// Where its RDB and append-only files are.
  package let directory: String
  private let process: ServerProcess

  /// Without a password.
  package var url: String { "redis://127.0.0.1:\(port)" }

  /// `options` are as on redis-server's command line: `["--appendonly", "yes"]`. By default nothing is
  /// saved, and memory has no bound.
  package static func start(options: [String] = []) async throws -> RedisServer {
    var failure: any Error = TestServerError(description: "no free port")
    for _ in 0..<5 {
      do {
        let server = try RedisServer(options: options)
        try await server.launch()
        return server
      } catch { failure = error }
    }
    throw failure
  }

  private init(options: [String]) throws {
    let port = ServerProcess.port()
    let directory = try TestDirectory.make("redis")
    let unixSocket = "\(directory)/redis.sock"
    self.port = port
    self.directory = directory
    self.unixSocket = unixSocket
    process = ServerProcess(directory: directory) {
      [
        "/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", String(port), "--unixsocket", unixSocket,
        "--dir", directory, "--save", "", "--daemonize", "no", "--maxmemory-policy", "noeviction",
      ] + options
    }
  }

  /// Ends it in order: it saves what it is told to save.
  package func stop() async throws {
    process.kill(SIGTERM)
    try await process.waitForEnd()
  }

  /// As a crash of the server; returns when it is gone.
  package func kill9() async throws {
    process.kill(SIGKILL)
    try await process.waitForEnd()
  }

  /// Starts it on the same port and directory; stops it before when it runs.
  package func restart() async throws {
    try await stop()
    try await launch()
  }

  /// It keeps its connections and answers nothing, like a stalled disk or machine.
  package func pause() { process.kill(SIGSTOP) }
  /// Undoes ``pause()``.
  package func resume() { process.kill(SIGCONT) }

  /// Runs redis-cli with these arguments; its exit code.
  @discardableResult
  package func cli(_ arguments: String...) async throws -> Int32 {
    try await process.run(["/usr/bin/redis-cli", "-e", "-p", String(port)] + arguments)
  }

  /// Asked through the socket, which is ours for certain; the port may be another's by now.
  private func launch() async throws {
    try await process.start(isReady: ["/usr/bin/redis-cli", "-e", "-s", unixSocket, "ping"])
  }
}
