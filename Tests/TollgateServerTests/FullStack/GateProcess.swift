import Foundation
import Glibc
import Synchronization
import Testing

/// A running `tollgate serve`. It dies with the test process.
final class GateProcess: Sendable {
  /// Of the gate's listener, and of the admin listener.
  let port: Int
  let adminPort: Int
  private let id: pid_t
  private let code = Mutex<Int32?>(nil)
  private let signalled = Mutex(false)

  /// The tests have sent it a signal; else it has no reason to end.
  var wasSignalled: Bool { signalled.withLock { $0 } }

  /// Starts it, and waits until it says that it is ready.
  static func start(environment: [String: String], log: String) async throws -> GateProcess {
    let ports = (freePort(), freePort())
    var environment = environment
    environment["TOLLGATE_GATE_LISTEN"] = "127.0.0.1:\(ports.0)"
    environment["TOLLGATE_ADMIN_LISTEN"] = "127.0.0.1:\(ports.1)"
    let command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", try binary(), "serve"]
    let id = try await Spawner.shared.spawn(command, environment: environment, log: log)
    let gate = GateProcess(id: id, port: ports.0, adminPort: ports.1)
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline, gate.exitCode == nil {
      if let answer = try? await Connection.once(Request("GET", "/readyz"), port: gate.port),
        answer.status == 200, gate.exitCode == nil
      {
        // Ready is said when the admin listener accepts too.
        _ = try await Connection.once(Request("GET", "/metrics"), port: gate.adminPort)
        return gate
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    gate.signal(SIGKILL)
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    throw StackError("the gate did not start: \(text.suffix(2000))")
  }

  private static let givenPorts = Mutex<Set<Int>>([])

  /// A port that nobody listens on and that no other gate of these tests was given, below those that Linux takes for
  /// outgoing connections.
  private static func freePort() -> Int {
    while true {
      let port = Int.random(in: 20_000..<32_000)
      guard givenPorts.withLock({ $0.insert(port).inserted }) else { continue }
      if canBind(port) { return port }
    }
  }

  /// Whether a socket may have `port` now; `shared`: beside others that share it too.
  static func canBind(_ port: Int, shared: Bool = false) -> Bool {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var on: Int32 = 1
    let option = shared ? SO_REUSEPORT : SO_REUSEADDR
    unsafe setsockopt(probe, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(probe, $0, length) == 0 }
    }
  }

  private init(id: pid_t, port: Int, adminPort: Int) {
    self.id = id
    self.port = port
    self.adminPort = adminPort
  }

  /// The binary lies beside the test bundle.
  static func binary() throws -> String {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folders = [bundle.deletingLastPathComponent().path]
    let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4)
    folders.append(NSString.path(withComponents: Array(root) + [".build", "debug"]))
    for folder in folders {
      let path = "\(folder)/tollgate"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw StackError("there is no tollgate binary in \(folders): build the product first")
  }

  func signal(_ signal: Int32) {
    // Once it was waited for, its id may be another's.
    guard exitCode == nil else { return }
    signalled.withLock { $0 = true }
    kill(id, signal)
  }

  /// nil while it runs; 128 and more when a signal ended it.
  var exitCode: Int32? {
    code.withLock { code in
      if let code { return code }
      var status: Int32 = 0
      guard unsafe waitpid(id, &status, WNOHANG) == id else { return nil }
      code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      return code
    }
  }

  /// Waits until it has ended.
  func exitCode(within limit: Duration) async throws -> Int32? {
    try await eventually(within: limit, "the gate ends") { exitCode != nil }
    return exitCode
  }
}

/// Starts processes on one thread that never ends: the kernel sends a child's parent-death signal when the
/// thread that forked it ends, and threads of the concurrency runtime come and go.
private final class Spawner: Sendable {
  static let shared = Spawner()
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

  func spawn(_ command: [String], environment: [String: String], log: String) async throws -> pid_t {
    try await withCheckedThrowingContinuation { continuation in
      jobs.withLock {
        $0.append {
          continuation.resume(with: Result { try Spawner.launch(command, environment, log: log) })
        }
      }
      signal.signal()
    }
  }

  private static func launch(_ command: [String], _ environment: [String: String], log: String) throws
    -> pid_t
  {
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
      for index in unsafe arguments.indices { unsafe free(arguments[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Threads may block signals, and a child inherits that: it would be deaf to SIGTERM.
    var attributes = posix_spawnattr_t()
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var id: pid_t = 0
    let status = unsafe posix_spawn(&id, command[0], &actions, &attributes, &arguments, &variables)
    guard status == 0 else { throw StackError("posix_spawn failed with \(status)") }
    return id
  }
}
