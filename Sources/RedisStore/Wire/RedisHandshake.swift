package import NIOCore

/// Runs on the event loop of the connection, after AUTH and SELECT and before users' commands. A failed
/// future drops the connection, and the next attempt runs the hook again.
package typealias RedisReadyHook = @Sendable (RedisHandshake) -> EventLoopFuture<Void>

/// A new connection in the hands of its owner's hook. Once that connection is gone, so are its commands:
/// nothing is sent on a later one by mistake.
package struct RedisHandshake: Sendable {
  private let connection: NIOLoopBound<RedisConnection>
  /// Counts the attempts to connect, from 1.
  package let generation: UInt64

  init(connection: RedisConnection, generation: UInt64) {
    self.connection = NIOLoopBound(connection, eventLoop: connection.eventLoop)
    self.generation = generation
  }

  /// Where the hook runs, and where all of its futures complete.
  package var eventLoop: any EventLoop { connection.value.eventLoop }

  /// One command; error replies are values. Fails with ``RedisFailure``.
  package func command(_ arguments: [RedisArgument]) -> EventLoopFuture<RedisValue> {
    let connection = connection.value
    let promise = connection.eventLoop.makePromise(of: RedisValue.self)
    connection.sendEarly(
      tag: 0, to: PromiseReceiver(promise), deadline: .now() + connection.configuration.limits.prepareTimeout,
      generation: generation
    ) { $0.writeCommand(arguments) }
    return promise.futureResult
  }

  /// Has Redis load a library that it may have already. Fails with ``RedisErrorReply`` when it doesn't take it.
  package func load(_ library: FunctionLibrary) -> EventLoopFuture<Void> {
    command(library.loadCommand).flatMapThrowing { reply in
      if let refusal = library.refusal(in: reply) { throw refusal }
    }
  }
}

extension RedisConnection {
  /// AUTH, SELECT and CLIENT SETNAME in one write; done when all three have been answered.
  func shakeHands() {
    let generation = machine.generation
    guard case .handshaking(let until) = machine.phase else { return }
    var commands: [[RedisArgument]] = []
    let url = configuration.url
    if let password = url.password {
      commands.append(["AUTH"] + (url.username.map { [.text($0)] } ?? []) + [.text(password)])
    }
    if url.database != 0 { commands.append(["SELECT", .integer(Int64(url.database))]) }
    // Proves that the server answers when there is nothing else to say.
    commands.append(
      configuration.clientName.isEmpty ? ["PING"] : ["CLIENT", "SETNAME", .text(configuration.clientName)])
    let receiver = HandshakeReceiver(connection: self, generation: generation, outstanding: commands.count)
    for (tag, command) in commands.enumerated() {
      sendEarly(tag: tag, to: receiver, deadline: until, generation: generation) { $0.writeCommand(command) }
    }
  }

  /// Runs the owner's hook.
  func prepare() {
    let generation = machine.generation
    guard let onReady else {
      perform(machine.prepared(generation: generation, now: .now()))
      return
    }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let hook = onReady(RedisHandshake(connection: self, generation: generation))
    hook.hop(to: eventLoop).whenComplete { result in
      let connection = bound.value
      switch result {
      case .success:
        connection.perform(connection.machine.prepared(generation: generation, now: .now()))
      case .failure(let error):
        connection.channelLost(generation: generation, reason: "not prepared: \(error)")
      }
    }
  }
}

/// Waits for the replies of the handshake. The first error ends the attempt, for AUTH's and SELECT's mean
/// that nothing after them would go where it should.
private final class HandshakeReceiver: RedisReplyReceiver {
  private let connection: RedisConnection
  private let generation: UInt64
  private var outstanding: Int

  init(connection: RedisConnection, generation: UInt64, outstanding: Int) {
    self.connection = connection
    self.generation = generation
    self.outstanding = outstanding
  }

  func received(_ reply: borrowing RedisReply, tag: Int) {
    if reply.kind == .error {
      connection.channelLost(generation: generation, reason: "handshake refused: \(reply.string)")
      return
    }
    outstanding -= 1
    guard outstanding == 0 else { return }
    connection.perform(connection.machine.handshakeSucceeded(generation: generation, now: .now()))
  }

  func failed(_ error: RedisFailure, tag: Int) {
    // The connection is lost already, or is about to be: the deadline is the attempt's own.
  }
}
