import Foundation
import Glibc
import Synchronization

/// What went wrong with a server that a test needs.
package struct TestServerError: Error, CustomStringConvertible {
  /// With the end of the server's log, where there is one.
  package let description: String
}

/// One server process with a directory of its own; killed with the test process.
final class ServerProcess: Sendable {
  let directory: String
  private let command: @Sendable () -> [String]
  private let child = Mutex<Child?>(nil)

  /// `command` is what runs: an absolute path and its arguments.
  init(directory: String, command: @escaping @Sendable () -> [String]) {
    self.directory = directory
    self.command = command
  }

  deinit { kill(SIGKILL) }

  /// Starts it, and waits until `isReady` (an absolute path and arguments that exit 0) or 30 s.
  func start(isReady: [String]) async throws {
    let log = "\(directory)/server.log"
    let child = try await Launcher.shared.spawn(command(), log: log)
    self.child.withLock { $0 = child }
    let end = ContinuousClock.now + .seconds(30)
    while child.exitCode() == nil, ContinuousClock.now < end {
      if try await run(isReady, within: .seconds(5)) == 0 { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    kill(SIGKILL)
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    throw TestServerError(description: "the server did not start: \(text.suffix(2000))")
  }

  func kill(_ signal: Int32) { child.withLock { $0 }?.kill(signal) }

  /// Waits until it has ended, up to 30 s.
  func waitForEnd() async throws {
    guard let child = child.withLock({ $0 }) else { return }
    for _ in 0..<6000 {
      if child.exitCode() != nil { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw TestServerError(description: "the server did not end")
  }

  /// Runs a tool to its end; its exit code. One that takes longer than `limit` is killed: 137.
  func run(_ command: [String], within limit: Duration = .seconds(120)) async throws -> Int32 {
    let child = try await Launcher.shared.spawn(command, log: "\(directory)/tool.log")
    let end = ContinuousClock.now + limit
    while true {
      if let code = child.exitCode() { return code }
      if ContinuousClock.now > end { child.kill(SIGKILL) }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// Ports below the range that the kernel gives to outgoing connections.
  static func port() -> Int { Int.random(in: 20_000..<32_000) }
}

/// A process that we started. (Foundation's `Process` takes one for running while any grandchild still has
/// the descriptors that it inherited: a killed Postgres would seem to live for seconds.)
private final class Child: Sendable {
  private let id: pid_t
  private let code = Mutex<Int32?>(nil)

  init(id: pid_t) { self.id = id }

  /// nil while it runs; 128 and more when a signal ended it.
  func exitCode() -> Int32? {
    code.withLock { code in
      if let code { return code }
      var status: Int32 = 0
      switch unsafe waitpid(id, &status, WNOHANG) {
      case id: break
      // Somebody else in this process has waited for it: how it ended can't be known any more.
      case -1 where errno == ECHILD: status = 0xFF00
      default: return nil
      }
      code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      return code
    }
  }

  func kill(_ signal: Int32) {
    // Once it was waited for, its id may be another's.
    guard exitCode() == nil else { return }
    Glibc.kill(id, signal)
  }
}

/// Starts processes on one thread that never ends: the kernel sends a child's parent-death signal when the
/// thread that forked it ends, and threads of the concurrency runtime come and go.
private final class Launcher: Sendable {
  static let shared = Launcher()
  private let jobs = Mutex<[@Sendable () -> Void]>([])
  private let signal = DispatchSemaphore(value: 0)

  private init() {
    Thread.detachNewThread { [self] in
      while true {
        signal.wait()
        let job = jobs.withLock { $0.removeFirst() }
        job()
      }
    }
  }

  func spawn(_ command: [String], log: String) async throws -> Child {
    let id = try await withCheckedThrowingContinuation { continuation in
      jobs.withLock {
        $0.append {
          continuation.resume(with: Result { try Launcher.launch(command, log: log) })
        }
      }
      signal.signal()
    }
    return Child(id: id)
  }

  private static func launch(_ command: [String], log: String) throws -> pid_t {
    let arguments = ["/usr/bin/setpriv", "--pdeathsig", "KILL"] + command
    var texts = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe texts.indices { unsafe free(texts[index]) } }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Another test's socket in a child's hands would stay open after that test has closed it.
    for descriptor in 3..<min(Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))), 4096) {
      unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    // Threads of the runtime block signals, and a child inherits that: it would be deaf to SIGTERM.
    var attributes = posix_spawnattr_t()
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var id: pid_t = 0
    let status = unsafe posix_spawn(&id, arguments[0], &actions, &attributes, &texts, environ)
    guard status == 0 else { throw TestServerError(description: "posix_spawn failed with \(status)") }
    return id
  }
}

/// Directories that bear the id of the test process, so that those of dead ones can be swept.
enum TestDirectory {
  private static let prefix = "tollgate-test-"
  private static let count = Mutex(0)

  static func make(_ name: String) throws -> String {
    let number = count.withLock { count in
      count += 1
      return count
    }
    if number == 1 { sweep() }
    let path = "/tmp/\(prefix)\(getpid())-\(number)-\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private static func sweep() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] {
      guard name.hasPrefix(prefix), let owner = name.dropFirst(prefix.count).split(separator: "-").first,
        !FileManager.default.fileExists(atPath: "/proc/\(owner)")
      else { continue }
      try? FileManager.default.removeItem(atPath: "/tmp/\(name)")
    }
  }
}
