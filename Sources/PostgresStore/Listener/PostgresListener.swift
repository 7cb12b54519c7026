import Glibc
package import Logging
import Synchronization

/// One connection that LISTENs on a thread of its own. Notifications are hints; the outbox is the truth: on
/// every ``Event/resync`` it is to be read from where it was left.
package final class PostgresListener: Sendable {
  /// What there is to do.
  package enum Event: Sendable, Equatable {
    /// A connection was made, events were dropped, or, behind a pooler that has no LISTEN, it is time to
    /// look again.
    case resync
    /// What was notified: `user:<id>:<version>`, `tenant:<id>:<version>`; an id may have colons.
    case payload(String)
  }

  /// Ends when the listener is closed. To be read by one task.
  package let events: AsyncStream<Event>
  private let state: ListenerState

  /// Starts the thread. `pollMilliseconds` is how often the outbox is looked at behind a pooler in
  /// transaction mode. `onPayload` is called with each payload on the listener's own thread, before it is
  /// yielded: for what can't wait for a task to be scheduled. It must not block.
  package init(
    configuration: PostgresConfiguration, channel: String = "tollgate_outbox",
    pollMilliseconds: Int64 = 500, logger: Logger, onPayload: (@Sendable (String) -> Void)? = nil
  ) {
    precondition(configuration.problem == nil, configuration.problem ?? "")
    precondition(PostgresConfiguration.isValidSchema(channel), "a channel is a plain identifier")
    // Past this many unread events the oldest are dropped, and a resync says so.
    let (events, continuation) = AsyncStream.makeStream(
      of: Event.self, bufferingPolicy: .bufferingNewest(8192))
    self.events = events
    let state = ListenerState()
    self.state = state
    let thread = ListenerThread(
      configuration: configuration, channel: channel, pollMilliseconds: pollMilliseconds,
      logger: logger, onPayload: onPayload, continuation: continuation, state: state)
    WorkerThread.start { thread.run() }
  }

  deinit { state.close() }

  /// Ends the stream and the connection.
  package func close() { state.close() }

  /// A connection that LISTENs is up: for /readyz and metrics.
  package var isListening: Bool { state.isListening.load(ordering: .relaxed) }
}

/// What the listener and its thread share: whether to go on, and a way to wake the thread from its poll.
final class ListenerState: Sendable {
  let isClosed = Atomic(false)
  let isListening = Atomic(false)
  /// The reading end of a pipe: readable once closed.
  let wake: Int32
  private let alarm: Int32

  init() {
    var ends: [Int32] = [0, 0]
    precondition(unsafe pipe(&ends) == 0, "pipe failed")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (wake, alarm) = (ends[0], ends[1])
  }

  deinit {
    _ = Glibc.close(wake)
    _ = Glibc.close(alarm)
  }

  func close() {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    var byte: UInt8 = 1
    _ = unsafe write(alarm, &byte, 1)
  }

  /// Sleeps, unless it is closed meanwhile.
  func sleep(milliseconds: Int64) {
    var descriptor = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&descriptor, 1, Int32(clamping: milliseconds))
  }
}

/// The listener's thread.
struct ListenerThread: Sendable {
  /// An idle connection is asked for an answer this often: a half-open one would never speak again.
  private static let checkMilliseconds: Int64 = 15_000

  let configuration: PostgresConfiguration
  let channel: String
  let pollMilliseconds: Int64
  let logger: Logger
  let onPayload: (@Sendable (String) -> Void)?
  let continuation: AsyncStream<PostgresListener.Event>.Continuation
  let state: ListenerState

  func run() {
    var failures = 0
    var route = configuration.route
    while !state.isClosed.load(ordering: .relaxed) {
      do {
        if route == .automatic { route = try Pooler.route(configuration) }
        guard route == .session else {
          yield(.resync)
          state.sleep(milliseconds: pollMilliseconds)
          continue
        }
        try listen { failures = 0 }
      } catch {
        failures += 1
        logger.warning("postgres listener lost", metadata: ["error.message": "\(error.message)"])
      }
      state.isListening.store(false, ordering: .relaxed)
      // At once after the first failure: a connection that was cut is most likely to come back.
      let backOff = failures <= 1 ? 0 : min(5000, Int64(25) << Int64(min(failures, 8)))
      if backOff > 0 { state.sleep(milliseconds: Int64.random(in: backOff / 2...backOff)) }
    }
    continuation.finish()
  }

  private func listen(connected: () -> Void) throws(PostgresError) {
    let timeout = configuration.statementTimeoutMilliseconds
    let connection = try PostgresConnection(configuration)
    try connection.executeScript("LISTEN \"\(channel)\"", timeoutMilliseconds: timeout)
    connected()
    state.isListening.store(true, ordering: .relaxed)
    // Only now: what is committed from here on is notified, what was before is in the outbox.
    yield(.resync)
    while !state.isClosed.load(ordering: .relaxed) {
      let deadline = Deadline.after(milliseconds: ListenerThread.checkMilliseconds)
      if !connection.waitForInput(until: deadline, wake: state.wake) {
        _ = try connection.execute("SELECT 1", timeoutMilliseconds: timeout)
      }
      for payload in try connection.notifications() {
        onPayload?(payload)
        yield(.payload(payload))
      }
    }
  }

  private func yield(_ event: PostgresListener.Event) {
    if case .dropped = continuation.yield(event) { continuation.yield(.resync) }
  }
}
