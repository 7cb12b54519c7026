internal import NIOCore

/// One FCALL on a cold path, with the way around a Redis that doesn't have the library.
final class FunctionCall: RedisReplyReceiver {
  private let connection: RedisConnection
  private let function: RedisFunction
  private let keys: [RedisArgument]
  private let arguments: [RedisArgument]
  private let deadline: NIODeadline
  private let promise: EventLoopPromise<RedisValue>
  /// That of the second attempt.
  private var load: LibraryLoad?

  init(
    connection: RedisConnection, function: RedisFunction, keys: [RedisArgument], arguments: [RedisArgument],
    deadline: NIODeadline, promise: EventLoopPromise<RedisValue>
  ) {
    self.connection = connection
    self.function = function
    self.keys = keys
    self.arguments = arguments
    self.deadline = deadline
    self.promise = promise
  }

  func start() {
    connection.send(tag: 0, to: self, deadline: deadline) { buffer in
      buffer.writeCommandHeader(argumentCount: 3 + keys.count + arguments.count)
      buffer.writeBulk("FCALL" as StaticString)
      buffer.writeBulk(function.wireName)
      buffer.writeBulk(integer: Int64(keys.count))
      for key in keys { key.write(into: &buffer) }
      for argument in arguments { argument.write(into: &buffer) }
    }
  }

  func received(_ reply: borrowing RedisReply, tag: Int) {
    if reply.isMissingFunction, load == nil {
      load = connection.load(function.library, deadline: deadline)
      return start()
    }
    // That the library doesn't compile says more than that the function still isn't there.
    promise.succeed(load?.refusal.map { .error($0) } ?? reply.value)
  }

  func failed(_ error: RedisFailure, tag: Int) { promise.fail(error) }
}
