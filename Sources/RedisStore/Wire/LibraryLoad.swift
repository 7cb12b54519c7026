internal import Logging
internal import NIOCore

/// A FUNCTION LOAD that is under way on a connection. Calls that are sent after it find the library there.
final class LibraryLoad: RedisReplyReceiver {
  private let library: FunctionLibrary
  private let connection: RedisConnection
  /// Why Redis did not take the library, once it has answered.
  private(set) var refusal: RedisErrorReply?

  init(_ library: FunctionLibrary, connection: RedisConnection) {
    self.library = library
    self.connection = connection
  }

  func received(_ reply: borrowing RedisReply, tag: Int) {
    refusal = library.refusal(in: reply.value)
    end()
  }

  /// The calls behind it fail as well, or find the function missing.
  func failed(_ error: RedisFailure, tag: Int) { end() }

  private func end() {
    if let refusal {
      connection.logger.error(
        "library refused", metadata: ["library": "\(library.name)", "redis.error": "\(refusal.message)"])
    }
    connection.loads[library.name] = nil
  }
}

extension RedisConnection {
  /// Has Redis load a library before whatever is sent next. However many calls found it missing, it is sent once:
  /// they share what is under way.
  @discardableResult
  func load(_ library: FunctionLibrary, deadline: NIODeadline) -> LibraryLoad {
    if let load = loads[library.name] { return load }
    let load = LibraryLoad(library, connection: self)
    loads[library.name] = load
    send(tag: 0, to: load, deadline: deadline) { $0.writeCommand(library.loadCommand) }
    return load
  }
}
