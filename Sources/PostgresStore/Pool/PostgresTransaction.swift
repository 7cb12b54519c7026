package import Gate
import Synchronization

/// A transaction that was begun; good until the body it was given to returns.
package final class PostgresTransaction: Sendable {
  private let mailbox: TransactionMailbox
  private let failure = Mutex<PostgresError?>(nil)

  init(mailbox: TransactionMailbox) { self.mailbox = mailbox }

  /// Runs one statement with bound parameters. After an error the transaction can only be rolled back.
  package func query(
    _ sql: String, _ parameters: [PostgresValue] = []
  ) async throws(StoreError) -> PostgresRows {
    do { return try await attempt(sql, parameters) } catch { throw error.storeError }
  }

  /// As ``query(_:_:)``, with Postgres' own word for what went wrong.
  package func attempt(
    _ sql: String, _ parameters: [PostgresValue] = []
  ) async throws(PostgresError) -> PostgresRows {
    try await post { .statement(.init(sql: sql, parameters: parameters, answer: $0)) }
  }

  /// Runs several statements that take no parameters.
  func run(script: String) async throws(StoreError) {
    do {
      _ = try await post { .statement(.init(sql: script, parameters: nil, answer: $0)) }
    } catch {
      throw error.storeError
    }
  }

  /// Another transaction was in the way.
  var isRetryable: Bool { failure.withLock { $0?.isRetryable ?? false } }

  func end(_ word: String) async throws(StoreError) {
    do { _ = try await post { .end(word, $0) } } catch { throw error.storeError }
  }

  /// Whatever it answers: a connection whose ROLLBACK fails is given up, and the server rolls back.
  func rollBack() async {
    do { try await end("ROLLBACK") } catch {}
  }

  private func post(
    _ message: (@escaping JobQueue.Answer) -> TransactionMailbox.Message
  ) async throws(PostgresError) -> PostgresRows {
    let result = await withCheckedContinuation { continuation in
      mailbox.post(message { continuation.resume(returning: $0) })
    }
    if case .failure(let error) = result { failure.withLock { $0 = $0 ?? error } }
    return try result.get()
  }
}
