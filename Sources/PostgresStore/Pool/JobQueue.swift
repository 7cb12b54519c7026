/// What the workers and the pool share.
struct JobQueue {
  /// The answer to whoever waits: given exactly once.
  typealias Answer = @Sendable (Result<PostgresRows, PostgresError>) -> Void

  enum Work {
    case statement(String, [PostgresValue], StatementPlan, Answer)
    case transaction(TransactionMailbox, Answer)
  }

  struct Job {
    var work: Work
    var deadline: Deadline

    func fail(_ error: PostgresError) {
      switch work {
      case .statement(_, _, _, let answer), .transaction(_, let answer): answer(.failure(error))
      }
    }
  }

  var jobs: [Job] = []
  /// Jobs before it were taken; the array is cut when half of it is.
  var head = 0
  var isClosed = false
  var workersRunning = 0
  var workersConnected = 0
  /// Set while connecting fails: no attempt before it, and jobs fail at once.
  var retryAt: Deadline?
  var failuresInARow = 0
  var lastFailure: PostgresError?
  /// As it was found at the first connection.
  var route: PostgresConfiguration.Route

  var waiting: Int { jobs.count - head }

  mutating func take() -> Job? {
    guard head < jobs.count else { return nil }
    let job = jobs[head]
    head += 1
    if head == jobs.count {
      jobs.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 256, head * 2 >= jobs.count {
      jobs.removeFirst(head)
      head = 0
    }
    return job
  }

  mutating func putBack(_ job: Job) {
    if head > 0 {
      head -= 1
      jobs[head] = job
    } else {
      jobs.insert(job, at: 0)
    }
  }

  mutating func connectFailed(_ error: PostgresError) {
    failuresInARow += 1
    lastFailure = error
    // 50 ms, doubled up to 5 s, with some jitter so that several gates don't come at once.
    let backOff = min(5000, Int64(50) << Int64(min(failuresInARow - 1, 7)))
    retryAt = .after(milliseconds: Int64.random(in: backOff / 2...backOff))
  }

  mutating func connected() {
    failuresInARow = 0
    lastFailure = nil
    retryAt = nil
  }
}
