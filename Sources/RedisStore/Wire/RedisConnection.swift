package import Logging
package import NIOCore

/// One connection to Redis that is kept alive: it connects, shakes hands, reconnects, finds out dead peers,
/// and matches replies to requests. Confined to its event loop: every call is made there, and every
/// receiver is called there. ``close()`` it, or it lives as long as the loop.
package final class RedisConnection {
  /// Where the connection lives, and where it may be used.
  package let eventLoop: any EventLoop
  let configuration: RedisConnectionConfiguration
  let logger: Logger
  let onReady: RedisReadyHook?

  var machine: ConnectionMachine<any RedisReplyReceiver>
  var handler: RedisChannelHandler?
  /// Whether the present connection got ready; whether any ever did.
  var isAnnounced = false
  var hasBeenReady = false
  /// Commands that wait for the end of the loop's tick; storage reused from tick to tick.
  private var outBuffer = ByteBuffer()
  private var flushIsScheduled = false
  /// Made once, so that scheduling a flush allocates nothing.
  private var flushTask: (@Sendable () -> Void)?
  private var wakeUp = NIODeadline.distantFuture
  private var timer: NIOScheduledCallback?
  var readyWaiters: [EventLoopPromise<Void>] = []
  var counts = RedisConnectionCounters()
  /// By the name of the library.
  var loads: [String: LibraryLoad] = [:]

  /// An out-buffer that grew past this is given back after its flush.
  private static let outBufferBytesKept = 1 << 20

  /// Starts to connect at once. Call on `eventLoop`. `onReady` runs on every connection after AUTH and
  /// SELECT and before ``isReady``; when its future fails, the connection is dropped and tried again later.
  package init(
    eventLoop: any EventLoop, configuration: RedisConnectionConfiguration, logger: Logger,
    onReady: RedisReadyHook? = nil
  ) {
    eventLoop.preconditionInEventLoop()
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.logger = logger
    self.onReady = onReady
    machine = ConnectionMachine(limits: configuration.limits, seed: .random(in: 0 ... .max))
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    flushTask = { bound.value.flush() }
    perform(machine.start(now: .now()))
  }

  /// Whether a request that is sent now goes out: connected, prepared, and the breaker closed.
  package var isReady: Bool { machine.phase == .ready && machine.breaker == .closed }

  /// Since the connection was made, over all reconnects; for metrics.
  package var counters: RedisConnectionCounters {
    var counters = counts
    counters.timeouts = machine.timeouts
    counters.pending = machine.ring.count
    counters.isCircuitOpen = machine.breaker != .closed
    return counters
  }

  /// Sends one command. `write` appends all of it to the buffer, header included, and nothing else; it must
  /// not call back into the connection. The bytes leave at the end of the loop's tick. `receiver` is told
  /// the outcome exactly once, with `tag`: the reply, or a failure when `deadline` passes at the latest.
  /// When nothing could be sent, it is told before this returns.
  package func send(
    tag: Int, to receiver: any RedisReplyReceiver, deadline: NIODeadline,
    _ write: (inout ByteBuffer) -> Void
  ) {
    eventLoop.assertInEventLoop()
    switch machine.admit(receiver, tag: tag, deadline: deadline, now: .now()) {
    case .accepted: append(deadline: deadline, write)
    case .refused(let failure): receiver.failed(failure, tag: tag)
    }
  }

  /// As ``send(tag:to:deadline:_:)``, for the handshake and the hook of connection `generation`.
  func sendEarly(
    tag: Int, to receiver: any RedisReplyReceiver, deadline: NIODeadline, generation: UInt64,
    _ write: (inout ByteBuffer) -> Void
  ) {
    eventLoop.preconditionInEventLoop()
    switch machine.admitEarly(
      receiver, tag: tag, deadline: deadline, generation: generation, now: .now())
    {
    case .accepted: append(deadline: deadline, write)
    case .refused(let failure): receiver.failed(failure, tag: tag)
    }
  }

  /// Fails everything pending with `connectionLost`, and closes for good.
  package func close() {
    eventLoop.preconditionInEventLoop()
    perform(machine.close())
    timer?.cancel()
    // It holds the connection.
    flushTask = nil
    for waiter in takeReadyWaiters() { waiter.fail(RedisFailure.notConnected) }
  }

  func takeReadyWaiters() -> [EventLoopPromise<Void>] {
    defer { readyWaiters = [] }
    return readyWaiters
  }

  // MARK: The out-buffer

  private func append(deadline: NIODeadline, _ write: (inout ByteBuffer) -> Void) {
    let start = outBuffer.writerIndex
    write(&outBuffer)
    assert(outBuffer.getInteger(at: start) == UInt8(ascii: "*"), "a request that is no command")
    counts.commandsSent += 1
    if deadline < wakeUp { armTimer() }
    scheduleFlush()
  }

  func appendPing() {
    outBuffer.writeStaticString("*1\r\n$4\r\nPING\r\n")
    scheduleFlush()
  }

  /// Forgets what has not been written: it belonged to a connection that is gone.
  func clearOutBuffer() { outBuffer.clear() }

  private func scheduleFlush() {
    guard !flushIsScheduled, let flushTask else { return }
    flushIsScheduled = true
    eventLoop.execute(flushTask)
  }

  private func flush() {
    flushIsScheduled = false
    guard let handler, outBuffer.readableBytes > 0 else { return }
    counts.writes += 1
    handler.write(outBuffer)
    // Reuses the storage unless the channel had to keep it because the socket was full.
    if outBuffer.capacity > RedisConnection.outBufferBytesKept {
      outBuffer = ByteBuffer()
    } else {
      outBuffer.clear()
    }
  }

  // MARK: The timer

  /// One timer for everything, set to what comes first. It is not set back when a reply makes it needless.
  func armTimer() {
    let now = NIODeadline.now()
    let due = machine.nextWakeUp(now: now)
    if timer != nil, due == wakeUp { return }
    timer?.cancel()
    timer = nil
    wakeUp = due
    guard due != .distantFuture else { return }
    do {
      timer = try eventLoop.assumeIsolated().scheduleCallback(at: due, handler: self)
    } catch {
      // The loop is shutting down, and takes its channels with it.
      logger.debug("no timer", metadata: ["error": "\(error)"])
    }
  }
}

extension RedisConnection: NIOScheduledCallbackHandler {
  /// For the event loop alone.
  package func handleScheduledCallback(eventLoop: some EventLoop) {
    timer = nil
    perform(machine.timer(now: .now()))
  }
}
