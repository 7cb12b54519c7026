internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What the machine says, done to channels; and what channels say, told to the machine.
extension RedisConnection {
  typealias Action = ConnectionMachine<any RedisReplyReceiver>.Action

  /// Obeys, then tells the owners of failed requests, who may send again at once.
  func perform(_ actions: [Action]) {
    for action in actions {
      switch action {
      case .connect(let generation): connect(generation: generation)
      case .shakeHands: shakeHands()
      case .prepare: prepare()
      case .announceReady: announceReady()
      case .writePing: appendPing()
      case .dropChannel(let reason): dropChannel(reason: reason)
      }
    }
    for casualty in machine.takeCasualties() {
      casualty.owner.failed(casualty.failure, tag: casualty.tag)
    }
    armTimer()
  }

  // MARK: Heard from the channel

  func heard() { machine.heard(now: .now()) }

  func deliver(_ reply: borrowing RedisReply) {
    counts.replies += 1
    switch machine.reply() {
    case .deliver(let receiver, let tag): receiver.received(reply, tag: tag)
    case .drop: succeedWaiters()
    case .unexpected: protocolError("a reply nobody asked for", generation: machine.generation)
    }
  }

  func protocolError(_ problem: String, generation: UInt64) {
    perform(machine.lost(generation: generation, failure: .protocolError, reason: problem, now: .now()))
  }

  func channelLost(generation: UInt64, reason: String) {
    perform(machine.lost(generation: generation, reason: reason, now: .now()))
  }

  // MARK: Done to the channel

  private func connect(generation: UInt64) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(configuration.limits.connectTimeout)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try bound.value.configure(channel, generation: generation)
        }
      }
    let channel =
      switch configuration.address {
      case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      }
    channel.whenComplete { result in
      switch result {
      case .success(let channel):
        bound.value.connected(channel, generation: generation)
      case .failure(let error):
        bound.value.channelLost(generation: generation, reason: "\(error)")
      }
    }
  }

  /// Runs for each candidate of a name with several addresses; only the one that wins is adopted.
  private func configure(_ channel: any Channel, generation: UInt64) throws {
    // The attempt may have been given up (too late, closed) while the name was looked up.
    guard generation == machine.generation, case .connecting = machine.phase else {
      throw RedisFailure.notConnected
    }
    let pipeline = channel.pipeline.syncOperations
    if let tls = configuration.tls {
      let name = configuration.address.tlsServerName
      try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
    }
    try pipeline.addHandler(
      RedisChannelHandler(generation: generation, limits: configuration.limits))
  }

  private func connected(_ channel: any Channel, generation: UInt64) {
    guard generation == machine.generation, case .connecting = machine.phase, channel.isActive,
      let handler = try? channel.pipeline.syncOperations.handler(type: RedisChannelHandler.self)
    else {
      // Too late, or closed by the server at once.
      channel.close(promise: nil)
      channelLost(generation: generation, reason: "Redis closed the connection")
      return
    }
    handler.adopt(by: self)
    self.handler = handler
    perform(machine.connected(generation: generation, now: .now()))
  }

  private func dropChannel(reason: String) {
    let level: Logger.Level = isAnnounced && machine.phase != .closed ? .warning : .debug
    logger.log(level: level, "Redis connection dropped", metadata: ["redis.reason": "\(reason)"])
    isAnnounced = false
    clearOutBuffer()
    let dropped = handler
    handler = nil
    dropped?.drop()
  }

  private func announceReady() {
    if hasBeenReady { counts.reconnects += 1 }
    hasBeenReady = true
    isAnnounced = true
    logger.info("Redis connection ready", metadata: ["redis.url": "\(configuration.url)"])
    succeedWaiters()
  }

  private func succeedWaiters() {
    guard !readyWaiters.isEmpty, isReady else { return }
    for waiter in takeReadyWaiters() { waiter.succeed() }
  }
}

extension RedisURL.Address {
  /// The name to check the certificate for. An IP address can't be asked for by SNI.
  fileprivate var tlsServerName: String? {
    switch self {
    case .unix: nil
    case .tcp(let host, _): (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }
  }
}
