internal import Gate

/// Where Redis' failures become those of the ports.
extension StoreError {
  init(_ failure: RedisFailure) {
    self =
      switch failure {
      case .notConnected: .unavailable("Redis: not connected")
      case .timedOut: .unavailable("Redis: no reply before the deadline")
      case .connectionLost: .unavailable("Redis: the connection was lost before the reply")
      case .protocolError: .unavailable("Redis: what it sent is no reply")
      case .overloaded: .unavailable("Redis: too many requests under way")
      case .circuitOpen: .unavailable("Redis: has stopped answering")
      }
  }

  init(_ reply: RedisErrorReply) {
    self =
      reply.isTemporary ? .unavailable("Redis: \(reply.message)") : .internalError("Redis: \(reply.message)")
  }

  /// Runs `body`; whatever it throws becomes a `StoreError`.
  static func mapping<Result>(_ body: () async throws -> Result) async throws(StoreError) -> Result {
    do {
      return try await body()
    } catch let error as RedisFailure {
      throw StoreError(error)
    } catch let error as RedisErrorReply {
      throw StoreError(error)
    } catch {
      throw .unavailable("Redis: \(error)")
    }
  }
}

extension RedisValue {
  /// The value, or the error reply that it is, thrown.
  func orThrow() throws(StoreError) -> RedisValue {
    if case .error(let reply) = self { throw StoreError(reply) }
    return self
  }
}
