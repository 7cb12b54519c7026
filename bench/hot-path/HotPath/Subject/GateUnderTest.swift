internal import Gate
internal import GateAPI
internal import HTTPServing
internal import NIOCore
internal import NIOPosix

/// The data plane as `serve` puts it together, on one loop and a Unix socket, with the control plane left out.
struct GateUnderTest {
  let path: String
  let loop: any EventLoop
  private let group: MultiThreadedEventLoopGroup
  private let server: HTTPServer

  static func start(
    at path: String, engine makeEngine: @escaping @Sendable (any EventLoop) throws -> any CheckEngine
  ) async throws -> GateUnderTest {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = HTTPServer(group: group, addresses: [.unix(path: path)], logger: Subject.logger) { loop in
      var configuration = GateConfiguration(catalog: Subject.catalog)
      // Under valgrind everything takes fifty times as long.
      configuration.deadlineMilliseconds = 60_000
      configuration.loadMilliseconds = 60_000
      guard let engine = try? makeEngine(loop) else { preconditionFailure("no engine") }
      let books = OneUser()
      return GateHandler(
        configuration: configuration, engine: engine, store: books, loader: books, publisher: books,
        links: { BillingLinks() }, control: { _ in HTTPResponse(status: 404) })
    }
    _ = try await server.start()
    return GateUnderTest(path: path, loop: group.next(), group: group, server: server)
  }

  func stop() async throws {
    await server.shutdownGracefully(deadlineSeconds: 1)
    try await group.shutdownGracefully()
  }
}

/// Books in which every token is the one user's.
private struct OneUser: PrincipalStore, AccountLoading, OutboxApplying {
  func principals(tokenHashes: [TokenHash]) async throws(StoreError) -> [Principal?] {
    tokenHashes.map { _ in Subject.principal }
  }
  func principal(user: String) async throws(StoreError) -> Principal? { nil }
  func apiKey(hash: TokenHash) async throws(StoreError) -> APIKey? { nil }
  func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot? { nil }
  func hold(id: String) async throws(StoreError) -> HoldRecord? { nil }
  func markUsed(tokens: [TokenHash]) async throws(StoreError) {}
  func load(_ account: AccountID, tenant: String?) async throws(StoreError) -> Int64 {
    throw .notFound(account.id)
  }
  func apply(_ account: AccountID) async throws(StoreError) {}
}
