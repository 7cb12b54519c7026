internal import Foundation
internal import ServiceLifecycle

/// Keeps the sandbox in a file, so that the next run knows the customers that others have noted.
package struct StateKeeper: Service {
  let server: StripeFakeServer
  let path: String
  static let paceSeconds: Int64 = 1

  /// Puts a sandbox where a file says it was; a file that isn't there changes nothing. Throws for one that
  /// can't be read.
  package static func load(_ path: String, into sandbox: inout StripeSandbox) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    try JSONDecoder().decode(SandboxSnapshot.self, from: data).restore(&sandbox)
  }

  /// Writes what has changed, once a second and at the end.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var written = server.changes
      while !Task.isCancelled {
        do { try await Task.sleep(for: .seconds(StateKeeper.paceSeconds)) } catch { return }
        if server.changes != written { written = (try? save()) ?? written }
      }
    }
    _ = try save()
  }

  @discardableResult
  private func save() throws -> Int {
    let snapshot = server.snapshot()
    try JSONEncoder().encode(snapshot.of).write(to: URL(fileURLWithPath: path), options: .atomic)
    return snapshot.number
  }
}
