/// Sessions of people who signed in to the dashboard with an admin key. They are kept where every gate sees
/// them, by the hash of a secret that only the browser has; a session ends with its key.
package protocol SessionStore: Sendable {
  /// Begins a session, with a line in the audit log. Throws `notFound` when the key is gone meanwhile.
  func beginSession(_ session: NewSession) async throws(StoreError)
  /// The session of a secret, unless it has ended, has been idle for `idleSeconds` or has lost its key. With
  /// `isUse` it counts as used now, to the minute.
  func session(
    _ secretHash: TokenHash, idleSeconds: Int64, isUse: Bool
  ) async throws(StoreError) -> StoredSession?
  /// Ends a session, with a line in the audit log; nothing happens when there is none.
  func endSession(_ secretHash: TokenHash) async throws(StoreError)
}

/// The key that a session stands for.
package enum SessionKey: Sendable, Equatable {
  /// A stored admin key.
  case stored(id: String)
  /// The environment's key. Only a hash of it together with the session's secret is kept, by which the
  /// session ends when another key is set; neither can be found out from it.
  case bootstrap(proof: TokenHash)
}

/// A session to begin.
package struct NewSession: Sendable, Equatable {
  /// SHA-256 of the secret.
  package var secretHash: TokenHash
  /// Whose it is.
  package var key: SessionKey
  /// How long it lives at most, 60 to 2,592,000.
  package var seconds: Int64

  /// Memberwise.
  package init(secretHash: TokenHash, key: SessionKey, seconds: Int64) {
    self.secretHash = secretHash
    self.key = key
    self.seconds = seconds
  }
}

/// A session that holds.
package struct StoredSession: Sendable, Equatable {
  /// Whose it is.
  package var key: SessionKey
  /// Of a stored key, as it is now; nil of the environment's.
  package var role: APIKey.Role?
  /// When it ends, used or not.
  package var endsAt: Instant

  /// Memberwise.
  package init(key: SessionKey, role: APIKey.Role?, endsAt: Instant) {
    self.key = key
    self.role = role
    self.endsAt = endsAt
  }
}
