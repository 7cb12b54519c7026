import Logging
import NIOPosix
import Settings
import TollgateServer

extension CommonOptions {
  /// Opens the stores for a command and closes them after it. With `redis` it begins once Redis was reached;
  /// what needs Postgres alone works while Redis is away.
  func withBackend<Value>(redis: Bool = true, _ body: (Backend) async throws -> Value) async throws -> Value {
    let backend = try await Backend.open(
      try settings(), on: MultiThreadedEventLoopGroup.singleton, logger: logger())
    do {
      if redis { try await backend.waitUntilReady() }
      let value = try await body(backend)
      await backend.close()
      return value
    } catch {
      await backend.close()
      throw error
    }
  }

  /// The same for what an operator does.
  func administer<Value>(
    redis: Bool = true, _ body: (Administration) async throws -> Value
  ) async throws -> Value {
    try await withBackend(redis: redis) { try await body(Administration($0)) }
  }
}
