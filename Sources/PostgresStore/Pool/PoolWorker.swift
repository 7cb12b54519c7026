import Logging

/// One thread with one connection: takes jobs until the pool is closed.
struct PoolWorker: Sendable {
  let queue: Monitor<JobQueue>
  let configuration: PostgresConfiguration
  let logger: Logger

  func run() {
    var session: PostgresSession?
    while let job = queue.wait({ queue in
      queue.isClosed && queue.waiting == 0 ? .some(nil) : queue.take().map { .some($0) }
    }) ?? nil {
      guard Deadline.now < job.deadline else {
        job.fail(.lost("no connection was free in time"))
        continue
      }
      if let current = session.take() {
        if current.connection.isLost {
          queue.update { $0.workersConnected -= 1 }
          logger.debug("postgres connection lost while idle")
        } else {
          session = consume current
        }
      }
      if session == nil {
        guard let fresh = connect(for: job) else { continue }
        session = consume fresh
      }
      guard let current = session.take() else { continue }
      if perform(job, on: current) {
        session = consume current
      } else {
        queue.update { $0.workersConnected -= 1 }
        logger.debug("postgres connection given up")
      }
    }
    if session != nil { queue.update { $0.workersConnected -= 1 } }
    session = nil
    queue.update { $0.workersRunning -= 1 }
  }

  /// nil when there is no connection: the job was answered or put back.
  private func connect(for job: JobQueue.Job) -> PostgresSession? {
    let (refusal, known) = queue.update { queue -> (PostgresError?, PostgresConfiguration.Route) in
      guard let retryAt = queue.retryAt, Deadline.now < retryAt else { return (nil, queue.route) }
      return (queue.lastFailure ?? .lost("out of reach"), queue.route)
    }
    if let refusal { return leave(job, refusal) }
    do {
      var route = known
      if route == .automatic {
        route = try Pooler.route(configuration)
        if route == .transaction {
          logger.warning(
            "a pooler in transaction mode is in front of postgres: no LISTEN, the outbox is polled")
        }
      }
      let session = try PostgresSession(configuration, route: route)
      queue.update { queue in
        queue.connected()
        queue.route = route
        queue.workersConnected += 1
      }
      return session
    } catch {
      logger.warning("postgres connection failed", metadata: ["error.message": "\(error.message)"])
      queue.update { $0.connectFailed(error) }
      return leave(job, error)
    }
  }

  /// The server may have no connection to spare for this worker while others serve: they take the job.
  /// When none is connected, waiting would only make callers late.
  private func leave(_ job: JobQueue.Job, _ error: PostgresError) -> PostgresSession? {
    let (isLeft, retryAt) = queue.update { queue in
      guard queue.workersConnected > 0, !queue.isClosed else { return (false, queue.retryAt) }
      queue.putBack(job)
      return (true, queue.retryAt)
    }
    guard isLeft else {
      job.fail(error)
      return nil
    }
    let _: Bool? = queue.wait(until: retryAt ?? .after(milliseconds: 50)) { $0.isClosed ? true : nil }
    return nil
  }

  /// False when the connection can't be used any more.
  private func perform(_ job: JobQueue.Job, on session: borrowing PostgresSession) -> Bool {
    switch job.work {
    case .statement(let sql, let parameters, let plan, let answer):
      do {
        let rows = try session.executeAlone(sql, parameters, plan)
        answer(.success(rows))
        return true
      } catch {
        answer(.failure(error))
        return !error.isConnectionLost
      }
    case .transaction(let mailbox, let answer):
      do {
        try session.begin()
      } catch {
        mailbox.close()
        answer(.failure(error))
        return !error.isConnectionLost
      }
      answer(.success(.none))
      let isUsable = serve(mailbox, on: session)
      mailbox.close()
      return isUsable
    }
  }

  /// Runs a transaction's statements up to its end.
  private func serve(_ mailbox: TransactionMailbox, on session: borrowing PostgresSession) -> Bool {
    // The server ends a transaction that idles for as long; the client then lets go as well.
    while let message = mailbox.next(timeoutMilliseconds: configuration.statementTimeoutMilliseconds * 2) {
      do {
        switch message {
        case .statement(let statement):
          do {
            statement.answer(.success(try session.execute(statement.sql, statement.parameters)))
          } catch {
            statement.answer(.failure(error))
            if error.isConnectionLost { return false }
          }
        case .end(let word, let answer):
          do {
            try session.end(word)
            answer(.success(.none))
            return true
          } catch {
            answer(.failure(error))
            return false
          }
        }
      }
    }
    return false
  }
}
