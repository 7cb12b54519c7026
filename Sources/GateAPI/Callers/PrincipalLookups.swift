internal import Gate
internal import HTTPServing
internal import NIOCore

/// Tokens that neither cache knows, looked up in Postgres by the batch: all that came while the last statement
/// ran, and until ``pace`` after it began, go into the next one. So a flood of unknown tokens costs a statement per
/// batch, not per token, and no more of them than checks can spare: a token that comes alone doesn't wait.
final class PrincipalLookups {
  private static let batchMax = 512
  /// Lookups that may wait; one more is answered as if Postgres were away.
  private static let waitingMax = 20_000
  private static let pace: Duration = .milliseconds(2)

  private let store: any PrincipalStore
  private var waiting: [(hash: TokenHash, done: (Result<Principal?, StoreError>) -> Void)] = []
  private var isRunning = false
  /// When the next statement may begin.
  private var earliest = ContinuousClock.now

  init(store: any PrincipalStore) { self.store = store }

  /// `exchange` lends its loop and its task tracking alone.
  func find(
    _ hash: TokenHash, on exchange: HTTPExchange, done: @escaping (Result<Principal?, StoreError>) -> Void
  ) {
    guard waiting.count < PrincipalLookups.waitingMax else {
      return done(.failure(.unavailable("too many lookups wait")))
    }
    waiting.append((hash, done))
    if !isRunning { start(on: exchange) }
  }

  private func start(on exchange: HTTPExchange) {
    isRunning = true
    let rest = earliest - ContinuousClock.now
    guard rest > .zero else { return run(on: exchange) }
    exchange.perform({ try? await Task.sleep(for: rest) }) { _ in self.run(on: exchange) }
  }

  private func run(on exchange: HTTPExchange) {
    earliest = ContinuousClock.now + PrincipalLookups.pace
    let batch = Array(waiting.prefix(PrincipalLookups.batchMax))
    waiting.removeFirst(batch.count)
    let hashes = batch.map(\.hash)
    let store = store
    exchange.perform({ () async -> Result<[Principal?], StoreError> in
      do throws(StoreError) {
        return .success(try await store.principals(tokenHashes: hashes))
      } catch {
        return .failure(error)
      }
    }) { result in
      self.isRunning = false
      switch result {
      case .success(let found):
        for (index, entry) in batch.enumerated() {
          entry.done(.success(index < found.count ? found[index] : nil))
        }
      case .failure(let error):
        for entry in batch { entry.done(.failure(error)) }
      }
      if !self.waiting.isEmpty, !self.isRunning { self.start(on: exchange) }
    }
  }
}
