/// How an async transaction speaks with the worker whose connection it has.
final class TransactionMailbox: Sendable {
  struct Statement {
    var sql: String
    /// nil: a script of several statements.
    var parameters: [PostgresValue]?
    var answer: JobQueue.Answer
  }
  enum Message {
    case statement(Statement)
    /// COMMIT or ROLLBACK: the last message.
    case end(String, JobQueue.Answer)
  }
  private struct State {
    var messages: [Message] = []
    var isClosed = false
  }

  private let state = Monitor(State())

  /// Answers with an error when the transaction is over.
  func post(_ message: Message) {
    let isTaken = state.update { state in
      if state.isClosed { return false }
      state.messages.append(message)
      if case .end = message { state.isClosed = true }
      return true
    }
    if !isTaken { TransactionMailbox.refuse(message) }
  }

  /// nil when nothing came in time: then the mailbox is closed.
  func next(timeoutMilliseconds: Int64) -> Message? {
    let message = state.wait(until: .after(milliseconds: timeoutMilliseconds)) { state in
      state.messages.isEmpty ? nil : state.messages.removeFirst()
    }
    if message == nil { close() }
    return message
  }

  /// Refuses what is left and what comes.
  func close() {
    let left = state.update { state in
      state.isClosed = true
      defer { state.messages = [] }
      return state.messages
    }
    for message in left { TransactionMailbox.refuse(message) }
  }

  private static func refuse(_ message: Message) {
    let error = PostgresError.lost("the transaction is over")
    switch message {
    case .statement(let statement): statement.answer(.failure(error))
    case .end(_, let answer): answer(.failure(error))
    }
  }
}
