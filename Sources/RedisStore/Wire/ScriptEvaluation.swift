internal import NIOCore

/// One EVALSHA on a cold path, with the way around a Redis that has forgotten its scripts.
final class ScriptEvaluation: RedisReplyReceiver {
  private enum Step: Int { case first, load, second }

  private let connection: RedisConnection
  private let script: RedisScript
  private let keys: [RedisArgument]
  private let arguments: [RedisArgument]
  private let deadline: NIODeadline
  private let promise: EventLoopPromise<RedisValue>
  private var loadError: RedisErrorReply?

  init(
    connection: RedisConnection, script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument],
    deadline: NIODeadline, promise: EventLoopPromise<RedisValue>
  ) {
    self.connection = connection
    self.script = script
    self.keys = keys
    self.arguments = arguments
    self.deadline = deadline
    self.promise = promise
  }

  func start() { sendEvaluation(.first) }

  func received(_ reply: borrowing RedisReply, tag: Int) {
    switch Step(rawValue: tag) {
    case .first where reply.isNoScript:
      // Both in one write: the second is answered after the load, whatever the load's answer is.
      connection.send(tag: Step.load.rawValue, to: self, deadline: deadline) {
        $0.writeCommand(["SCRIPT", "LOAD", .bytes(script.source)])
      }
      sendEvaluation(.second)
    case .load:
      if reply.kind == .error { loadError = RedisErrorReply(message: reply.string) }
    case .first, .second, nil:
      // That the script doesn't compile says more than that it still isn't there.
      promise.succeed(loadError.map { .error($0) } ?? reply.value)
    }
  }

  func failed(_ error: RedisFailure, tag: Int) {
    // A load that failed is followed by its evaluation's failure.
    if tag != Step.load.rawValue { promise.fail(error) }
  }

  private func sendEvaluation(_ step: Step) {
    connection.send(tag: step.rawValue, to: self, deadline: deadline) { buffer in
      buffer.writeCommandHeader(argumentCount: 3 + keys.count + arguments.count)
      buffer.writeBulk("EVALSHA" as StaticString)
      buffer.writeBulk(script.sha1)
      buffer.writeBulk(integer: Int64(keys.count))
      for key in keys { key.write(into: &buffer) }
      for argument in arguments { argument.write(into: &buffer) }
    }
  }
}
