internal import NIOCore

/// What a connection to Redis does when: a value that takes events and answers with what is to be done.
/// It knows neither sockets nor clocks, so every interleaving can be played to it in a test;
/// ``RedisConnection`` obeys.
///
///     idle → connecting → handshaking → preparing → ready
///              ↑  any failure: everything pending fails  ↓
///              └────────────── waiting ←─────────────────┘        close(): closed, from anywhere
struct ConnectionMachine<Owner> {
  enum Phase: Equatable {
    case idle
    case connecting(until: NIODeadline)
    /// AUTH, SELECT and CLIENT SETNAME are on their way.
    case handshaking(until: NIODeadline)
    /// The owner's hook is at work (run id, scripts); users' commands are not let through yet.
    case preparing(until: NIODeadline)
    case ready
    case waiting(until: NIODeadline)
    case closed
  }

  /// Whether Redis is asked at all. `open`: it stopped answering, and there is no probe on its way
  /// (between two connections). `halfOpen`: a probe is on its way, a PING behind everything that is
  /// owed or the handshake of a new connection. The probe's reply closes the breaker.
  enum Breaker: Equatable { case closed, open, halfOpen }

  enum Action: Equatable {
    case connect(generation: UInt64)
    case shakeHands
    case prepare
    /// Users' commands are let through from now on.
    case announceReady
    /// Write a PING; its place in the ring is taken already.
    case writePing
    /// Drop the channel of this generation, and all that is read or written there.
    case dropChannel(reason: String)
  }

  enum Admission: Equatable {
    /// The ring has a place for the request: its bytes must be written now.
    case accepted
    case refused(RedisFailure)
  }

  enum Delivery {
    case deliver(to: Owner, tag: Int)
    case drop
    /// Nothing is owed: from here on replies and requests can't be matched.
    case unexpected
  }

  /// A request that gets no reply.
  struct Casualty {
    var owner: Owner
    var tag: Int
    var failure: RedisFailure
  }

  let limits: ConnectionLimits
  var phase = Phase.idle
  var breaker = Breaker.closed
  /// The number of the connection attempt. Events of an older one are stale.
  private(set) var generation: UInt64 = 0
  var ring = RequestRing<Owner>()
  /// Owners to tell, once the state is settled. The shell takes and empties it after each event.
  var casualties: [Casualty] = []
  var timeouts: UInt64 = 0

  /// Since when Redis has owed a reply without giving any.
  var silentSince = NIODeadline.uptimeNanoseconds(0)
  /// Time-outs since a reply was last in time.
  var timeoutsInARow = 0
  private var backoff: ReconnectBackoff

  init(limits: ConnectionLimits, seed: UInt64) {
    self.limits = limits
    backoff = ReconnectBackoff(first: limits.backoffFirst, max: limits.backoffMax, seed: seed)
  }

  // MARK: Connecting

  mutating func start(now: NIODeadline) -> [Action] {
    guard phase == .idle else { return [] }
    return [connect(now: now)]
  }

  mutating func connected(generation: UInt64, now: NIODeadline) -> [Action] {
    guard generation == self.generation, case .connecting(let until) = phase else { return [] }
    phase = .handshaking(until: until)
    silentSince = now
    return [.shakeHands]
  }

  mutating func handshakeSucceeded(generation: UInt64, now: NIODeadline) -> [Action] {
    guard generation == self.generation, case .handshaking = phase else { return [] }
    phase = .preparing(until: now + limits.prepareTimeout)
    return [.prepare]
  }

  mutating func prepared(generation: UInt64, now: NIODeadline) -> [Action] {
    // The hook's future may complete after its connection was lost: then it is another generation's.
    guard generation == self.generation, case .preparing = phase else { return [] }
    phase = .ready
    breaker = .closed
    timeoutsInARow = 0
    backoff.reset()
    return [.announceReady]
  }

  /// The channel of `generation` closed, couldn't be opened, or must not be used any more.
  mutating func lost(
    generation: UInt64, failure: RedisFailure = .connectionLost, reason: String, now: NIODeadline
  ) -> [Action] {
    guard generation == self.generation else { return [] }
    switch phase {
    case .idle, .waiting, .closed: return []
    case .connecting, .handshaking, .preparing, .ready: break
    }
    failEverything(failure)
    if breaker == .halfOpen { breaker = .open }
    phase = .waiting(until: now + backoff.next())
    return [.dropChannel(reason: reason)]
  }

  mutating func close() -> [Action] {
    guard phase != .closed else { return [] }
    failEverything(.connectionLost)
    phase = .closed
    return [.dropChannel(reason: "closed")]
  }

  mutating func connect(now: NIODeadline) -> Action {
    generation += 1
    if breaker == .open { breaker = .halfOpen }
    phase = .connecting(until: now + limits.connectTimeout)
    return .connect(generation: generation)
  }

  private mutating func failEverything(_ failure: RedisFailure) {
    ring.removeAll { entry in
      if let owner = entry.owner {
        casualties.append(Casualty(owner: owner, tag: entry.tag, failure: failure))
      }
    }
    timeoutsInARow = 0
  }

  // MARK: Requests and replies

  /// A user's request. `now` is only asked for when nothing was owed.
  mutating func admit(
    _ owner: Owner, tag: Int, deadline: NIODeadline, now: @autoclosure () -> NIODeadline
  ) -> Admission {
    guard phase == .ready, breaker == .closed else {
      return .refused(breaker == .closed ? .notConnected : .circuitOpen)
    }
    return enqueue(owner, tag: tag, deadline: deadline, now: now())
  }

  /// A request of the handshake or the hook, which go before all users.
  mutating func admitEarly(
    _ owner: Owner, tag: Int, deadline: NIODeadline, generation: UInt64, now: NIODeadline
  ) -> Admission {
    guard generation == self.generation else { return .refused(.connectionLost) }
    switch phase {
    case .handshaking, .preparing: break
    case .ready where breaker == .closed: break
    case .ready: return .refused(.circuitOpen)
    case .idle, .connecting, .waiting, .closed: return .refused(.notConnected)
    }
    return enqueue(owner, tag: tag, deadline: deadline, now: now)
  }

  private mutating func enqueue(
    _ owner: Owner, tag: Int, deadline: NIODeadline, now: @autoclosure () -> NIODeadline
  ) -> Admission {
    guard ring.count < limits.maxPending else { return .refused(.overloaded) }
    if ring.isEmpty { silentSince = now() }
    ring.append(.init(role: .request, owner: owner, tag: tag, deadline: deadline))
    return .accepted
  }

  /// Bytes came: Redis is alive. Once per read, before its replies.
  mutating func heard(now: NIODeadline) { silentSince = now }

  /// One whole reply came.
  mutating func reply() -> Delivery {
    guard let entry = ring.removeFirst() else { return .unexpected }
    switch entry.role {
    case .tombstone:
      return .drop
    case .probe:
      probeAnswered()
      return .drop
    case .request:
      timeoutsInARow = 0
      guard let owner = entry.owner else { return .drop }
      return .deliver(to: owner, tag: entry.tag)
    }
  }

  /// The owners to tell now; each is given out once.
  mutating func takeCasualties() -> [Casualty] {
    defer { casualties = [] }
    return casualties
  }
}
