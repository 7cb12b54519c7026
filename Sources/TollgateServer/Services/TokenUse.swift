internal import Gate
internal import GateAPI
internal import Logging
internal import ServiceLifecycle

/// Writes `last_used_at` of the tokens and service keys that were used: gathered on the loops, a statement now and then.
struct TokenUse: Service {
  let gate: GateServer
  let principals: any PrincipalStore
  let accounts: any AccountStore
  let logger: Logger

  private static let every = Duration.seconds(15)
  private static let tokensPerStatement = 1_000

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        try? await Task.sleep(for: TokenUse.every)
        await write()
      }
    }
    await write()
  }

  private func write() async {
    let used = Array(Set(await gate.onEveryLoop { $0.handler.takeUsedTokens() }.joined()))
    let keys = Array(Set(await gate.onEveryLoop { $0.handler.takeUsedKeys() }.joined()))
    do throws(StoreError) {
      for start in stride(from: 0, to: used.count, by: TokenUse.tokensPerStatement) {
        let end = min(start + TokenUse.tokensPerStatement, used.count)
        try await principals.markUsed(tokens: Array(used[start..<end]))
      }
      try await accounts.markUsed(keyIDs: keys)
    } catch {
      logger.debug("token use not written", metadata: ["error": "\(error)"])
    }
  }
}
