package import NIOCore

/// Cold paths: an argument list in, a future out.
extension RedisConnection {
  /// One command. Error replies are values (`RedisValue.error`); the future fails with ``RedisFailure``.
  /// Without a `deadline` it is ``ConnectionLimits/defaultDeadline`` from now.
  package func command(
    _ arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) -> EventLoopFuture<RedisValue> {
    let promise = eventLoop.makePromise(of: RedisValue.self)
    send(tag: 0, to: PromiseReceiver(promise), deadline: deadline ?? defaultDeadline) {
      $0.writeCommand(arguments)
    }
    return promise.futureResult
  }

  /// FCALL; when Redis doesn't have the function, FUNCTION LOAD and FCALL once more, within the same deadline. A
  /// function that wasn't found hasn't run, so this never runs it twice.
  package func call(
    _ function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument], deadline: NIODeadline? = nil
  ) -> EventLoopFuture<RedisValue> {
    let promise = eventLoop.makePromise(of: RedisValue.self)
    let call = FunctionCall(
      connection: self, function: function, keys: keys, arguments: arguments,
      deadline: deadline ?? defaultDeadline, promise: promise)
    call.start()
    return promise.futureResult
  }

  /// Completes when ``isReady``, at once when it is already. Fails with the reason it isn't at `deadline`.
  package func whenReady(deadline: NIODeadline) -> EventLoopFuture<Void> {
    eventLoop.preconditionInEventLoop()
    if isReady { return eventLoop.makeSucceededVoidFuture() }
    guard machine.phase != .closed else { return eventLoop.makeFailedFuture(RedisFailure.notConnected) }
    let promise = eventLoop.makePromise(of: Void.self)
    readyWaiters.append(promise)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let timeout = eventLoop.scheduleTask(deadline: deadline) { bound.value.giveUpWaiting(promise) }
    promise.futureResult.whenComplete { _ in timeout.cancel() }
    return promise.futureResult
  }

  private func giveUpWaiting(_ promise: EventLoopPromise<Void>) {
    readyWaiters.removeAll { $0.futureResult === promise.futureResult }
    promise.fail(machine.breaker == .closed ? RedisFailure.notConnected : .circuitOpen)
  }

  private var defaultDeadline: NIODeadline { .now() + configuration.limits.defaultDeadline }
}

extension ByteBuffer {
  mutating func writeCommand(_ arguments: [RedisArgument]) {
    writeCommandHeader(argumentCount: arguments.count)
    for argument in arguments { argument.write(into: &self) }
  }
}

/// Turns the outcome of one request into that of a promise.
final class PromiseReceiver: RedisReplyReceiver {
  private let promise: EventLoopPromise<RedisValue>

  init(_ promise: EventLoopPromise<RedisValue>) { self.promise = promise }

  func received(_ reply: borrowing RedisReply, tag: Int) { promise.succeed(reply.value) }

  func failed(_ error: RedisFailure, tag: Int) { promise.fail(error) }
}
