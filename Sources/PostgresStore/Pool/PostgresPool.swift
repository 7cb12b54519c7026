package import Gate
package import Logging

/// Connections to Postgres, each with a thread of its own, since libpq blocks. Statements wait in one
/// bounded queue; past its bound, and while Postgres is out of reach, they fail at once.
package final class PostgresPool: Sendable {
  /// As it was given: the URL in it holds the password.
  package let configuration: PostgresConfiguration
  let queue: Monitor<JobQueue>
  let logger: Logger

  /// Starts the threads; the first connection is made by the first job. Traps on a configuration with a
  /// ``PostgresConfiguration/problem``.
  package init(configuration: PostgresConfiguration, logger: Logger) {
    precondition(configuration.problem == nil, configuration.problem ?? "")
    self.configuration = configuration
    self.logger = logger
    var state = JobQueue(route: configuration.route)
    state.workersRunning = configuration.connections
    queue = Monitor(state)
    for _ in 0..<configuration.connections {
      let worker = PoolWorker(queue: queue, configuration: configuration, logger: logger)
      WorkerThread.start { worker.run() }
    }
  }

  deinit { queue.update { $0.isClosed = true } }

  /// Runs one statement with bound parameters, as a transaction by itself.
  package func query(
    _ sql: String, _ parameters: [PostgresValue] = []
  ) async throws(StoreError) -> PostgresRows {
    do { return try await attempt(sql, parameters) } catch { throw error.storeError }
  }

  /// As ``query(_:_:)``, with Postgres' own word for what went wrong.
  package func attempt(
    _ sql: String, _ parameters: [PostgresValue] = []
  ) async throws(PostgresError) -> PostgresRows {
    try await enqueue { .statement(sql, parameters, .kept, $0) }
  }

  /// As ``query(_:_:)``, for statements that leave a filter out by NULL (`$1 IS NULL OR …`) or whose parameters say
  /// how much is read: planned for them at each call. A plan that is kept is made for any parameters; a list read by
  /// it begins at its beginning for every page.
  package func list(
    _ sql: String, _ parameters: [PostgresValue] = []
  ) async throws(StoreError) -> PostgresRows {
    do {
      return try await enqueue { .statement(sql, parameters, .madeEachTime, $0) }
    } catch {
      throw error.storeError
    }
  }

  /// Runs the body between BEGIN and COMMIT on one connection (READ COMMITTED); what it throws rolls back.
  /// A deadlock or serialization failure runs the body again, up to 5 times in all, so the body changes
  /// nothing but the database.
  package func transaction<T: Sendable>(
    _ body: @Sendable (PostgresTransaction) async throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    var attempt = 1
    while true {
      let transaction = try await begin()
      let failure: StoreError
      do {
        let result = try await body(transaction)
        try await transaction.end("COMMIT")
        return result
      } catch {
        failure = error
      }
      await transaction.rollBack()
      guard transaction.isRetryable, attempt < 5 else { throw failure }
      attempt += 1
    }
  }

  /// How the server is reached; connects to find out. Fails as ``query(_:_:)`` does.
  package func route() async throws(StoreError) -> PostgresConfiguration.Route {
    _ = try await query("SELECT 1")
    return queue.update { $0.route }
  }

  /// Jobs that wait for a connection now: for metrics.
  package var queuedJobs: Int { queue.update { $0.waiting } }
  /// Connections that are up now: for metrics.
  package var openConnections: Int { queue.update { $0.workersConnected } }

  /// Lets what is queued finish, then ends the connections. Later statements fail as unavailable.
  package func close() async {
    queue.update { $0.isClosed = true }
    while queue.update({ $0.workersRunning }) > 0 {
      do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
    }
  }

  private func begin() async throws(StoreError) -> PostgresTransaction {
    let mailbox = TransactionMailbox()
    do {
      _ = try await enqueue { .transaction(mailbox, $0) }
    } catch {
      throw error.storeError
    }
    return PostgresTransaction(mailbox: mailbox)
  }

  private func enqueue(
    _ work: (@escaping JobQueue.Answer) -> JobQueue.Work
  ) async throws(PostgresError) -> PostgresRows {
    let deadline = Deadline.after(milliseconds: configuration.queueTimeoutMilliseconds)
    let result = await withCheckedContinuation { continuation in
      let job = JobQueue.Job(work: work { continuation.resume(returning: $0) }, deadline: deadline)
      let refusal = queue.update { queue -> PostgresError? in
        if queue.isClosed { return .lost("the pool is closed") }
        if queue.waiting >= configuration.queuedJobsMax { return .lost("too many statements wait") }
        queue.jobs.append(job)
        return nil
      }
      if let refusal { job.fail(refusal) }
    }
    return try result.get()
  }
}
