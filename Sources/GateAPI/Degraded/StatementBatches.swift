internal import Gate
internal import HTTPServing

/// Calls to Postgres by the batch: all that came while the last statement ran go into the next one, so that a
/// flood costs a statement per batch. Confined to its loop.
final class StatementBatches<Input: Sendable, Output: Sendable> {
  private static var batchMax: Int { 512 }
  /// Calls that may wait; one more is answered as if Postgres were away.
  private static var waitingMax: Int { 20_000 }

  private let statement: @Sendable ([Input]) async throws(StoreError) -> [Output]
  private var waiting: [(input: Input, done: (Result<Output, StoreError>) -> Void)] = []
  private var isRunning = false

  /// `statement` gives an output for each input, in their order.
  init(_ statement: @escaping @Sendable ([Input]) async throws(StoreError) -> [Output]) {
    self.statement = statement
  }

  /// `exchange` lends its loop and its task tracking alone. `done` is called once.
  func call(_ input: Input, on exchange: HTTPExchange, done: @escaping (Result<Output, StoreError>) -> Void) {
    guard waiting.count < Self.waitingMax else {
      return done(.failure(.unavailable("too many calls wait")))
    }
    waiting.append((input, done))
    if !isRunning { run(on: exchange) }
  }

  private func run(on exchange: HTTPExchange) {
    isRunning = true
    let batch = Array(waiting.prefix(Self.batchMax))
    waiting.removeFirst(batch.count)
    let inputs = batch.map(\.input)
    let statement = statement
    exchange.perform({ () async -> Result<[Output], StoreError> in
      do throws(StoreError) { return .success(try await statement(inputs)) } catch { return .failure(error) }
    }) { result in
      self.isRunning = false
      switch result {
      case .success(let outputs):
        for (entry, output) in zip(batch, outputs) { entry.done(.success(output)) }
      case .failure(let error):
        for entry in batch { entry.done(.failure(error)) }
      }
      if !self.waiting.isEmpty, !self.isRunning { self.run(on: exchange) }
    }
  }
}
