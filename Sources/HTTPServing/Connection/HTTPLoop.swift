internal import Logging
internal import NIOCore

/// What the connections of one event loop share; confined to that loop.
final class HTTPLoop {
  let eventLoop: any EventLoop
  let configuration: HTTPServingConfiguration
  let counters: HTTPServerCounters
  let logger: Logger
  let handler: any HTTPHandler
  /// Sweeps since the start: the clock that deadlines are told by, so that no request reads a real one.
  private(set) var tick: UInt64 = 0
  /// True from the moment that the server is told to stop.
  private(set) var isDraining = false

  private var connections: [HTTPConnection] = []
  private var tasks: [Int: Task<Void, Never>] = [:]
  private var nextTask = 0
  private var sweeps: RepeatedTask?
  private var drained: EventLoopPromise<Void>?

  init(
    eventLoop: any EventLoop, configuration: HTTPServingConfiguration, counters: HTTPServerCounters,
    logger: Logger, handler: any HTTPHandler
  ) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.counters = counters
    self.logger = logger
    self.handler = handler
  }

  /// Begins to watch over time limits.
  func startSweeping() {
    let interval = TimeAmount.milliseconds(Int64(configuration.sweepMilliseconds))
    let loop = NIOLoopBound(self, eventLoop: eventLoop)
    sweeps = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      loop.value.sweep()
    }
  }

  /// The tick at which a limit that starts now has passed for certain.
  func deadline(afterMilliseconds milliseconds: Int) -> UInt64 {
    let sweeps = (milliseconds + configuration.sweepMilliseconds - 1) / configuration.sweepMilliseconds
    return tick + UInt64(max(0, sweeps)) + 1
  }

  private func sweep() {
    tick += 1
    // From the end: a connection that closes itself is replaced by the last one, which was looked at.
    var index = connections.count - 1
    while index >= 0 {
      if index < connections.count, connections[index].deadline <= tick {
        connections[index].deadlinePassed()
      }
      index -= 1
    }
  }

  /// Adds a connection, which keeps its place in `HTTPConnection.index`.
  func add(_ connection: HTTPConnection) {
    connection.index = connections.count
    connections.append(connection)
  }

  /// Takes a connection out again.
  func remove(_ connection: HTTPConnection) {
    guard connection.index >= 0 else { return }
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.index] = last
      last.index = connection.index
    }
    connection.index = -1
    checkDrained()
  }
}

// MARK: - Tasks

extension HTTPLoop {
  /// Runs `operation` in a task that draining waits for, and `completion` with its result on this loop.
  func run<Result: Sendable>(
    _ operation: @escaping @Sendable () async -> Result, completion: @escaping (Result) -> Void
  ) {
    let id = nextTask
    nextTask += 1
    let eventLoop = eventLoop
    let finish = NIOLoopBound(
      { (result: Result) in
        completion(result)
        self.tasks[id] = nil
        self.checkDrained()
      }, eventLoop: eventLoop)
    tasks[id] = Task {
      let result = await operation()
      eventLoop.execute { finish.value(result) }
    }
  }
}

// MARK: - Stopping

extension HTTPLoop {
  /// Closes idle connections, has the others close after their response, cuts what is left after `deadline`,
  /// and succeeds when all connections are gone and all tasks are done.
  func drain(within deadline: TimeAmount) -> EventLoopFuture<Void> {
    if let drained { return drained.futureResult }
    isDraining = true
    let promise = eventLoop.makePromise(of: Void.self)
    drained = promise
    for connection in connections { connection.beginDraining() }
    let loop = NIOLoopBound(self, eventLoop: eventLoop)
    let cut = eventLoop.scheduleTask(in: deadline) { loop.value.cut() }
    // A task that ignores its cancellation must not keep the process.
    let giveUp = eventLoop.scheduleTask(in: deadline + .seconds(1)) { loop.value.finishDraining() }
    promise.futureResult.whenComplete { _ in
      cut.cancel()
      giveUp.cancel()
    }
    checkDrained()
    return promise.futureResult
  }

  /// Ends what is left: connections are closed, tasks are cancelled.
  private func cut() {
    for task in tasks.values { task.cancel() }
    for connection in connections { connection.close() }
  }

  private func checkDrained() {
    guard isDraining, connections.isEmpty, tasks.isEmpty else { return }
    finishDraining()
  }

  private func finishDraining() {
    sweeps?.cancel()
    sweeps = nil
    drained?.succeed()
  }
}
