import Gate
import Synchronization

/// Sessions in memory, with a clock to turn and keys to revoke. The real ones are tested where Postgres is.
final class SessionsFake: SessionStore, Sendable {
  struct State {
    var sessions: [TokenHash: (key: SessionKey, seenAt: Int64, endsAt: Int64)] = [:]
    var roles: [String: APIKey.Role] = [:]
    /// Seconds.
    var now: Int64 = 0
  }
  private let state = Mutex(State())

  func with<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.withLock { state in body(&state) }
  }

  func beginSession(_ session: NewSession) async throws(StoreError) {
    with { state in
      state.sessions[session.secretHash] = (session.key, state.now, state.now + session.seconds)
    }
  }

  func session(
    _ secretHash: TokenHash, idleSeconds: Int64, isUse: Bool
  ) async throws(StoreError) -> StoredSession? {
    with { state in
      guard let session = state.sessions[secretHash], session.endsAt > state.now,
        session.seenAt > state.now - idleSeconds
      else { return nil }
      if isUse { state.sessions[secretHash]?.seenAt = state.now }
      var role: APIKey.Role?
      if case .stored(let id) = session.key {
        guard let found = state.roles[id] else { return nil }
        role = found
      }
      return StoredSession(key: session.key, role: role, endsAt: Instant(seconds: session.endsAt))
    }
  }

  func endSession(_ secretHash: TokenHash) async throws(StoreError) {
    with { $0.sessions[secretHash] = nil }
  }
}
