import NIOCore

@testable import RedisStore

/// A machine, a model of the server that it talks to, and a random sequence of events.
struct RandomHistory {
  private var machine: ConnectionMachine<Int>
  private var random: UInt64
  private var now: Int64 = 0
  private var nextTag = 0
  /// What the server has received on this connection and not answered; nil for a PING.
  private var owed: [Int?] = []
  private var isOpen: Set<Int> = []
  private(set) var problem: String?
  private(set) var delivered = 0

  init(seed: UInt64) {
    var limits = ConnectionLimits()
    limits.maxPending = 8
    limits.timeoutsInARowMax = 5
    machine = ConnectionMachine(limits: limits, seed: seed)
    random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  }

  private var time: NIODeadline { .uptimeNanoseconds(0) + .milliseconds(now) }

  private mutating func roll(_ sides: UInt64) -> UInt64 {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random % sides
  }

  mutating func run() {
    perform(machine.start(now: time))
    // Most histories start ready: by chance alone few would ever get there.
    if roll(4) > 0 {
      perform(machine.connected(generation: 1, now: time))
      perform(machine.handshakeSucceeded(generation: 1, now: time))
      perform(machine.prepared(generation: 1, now: time))
    }
    for _ in 0..<60 where problem == nil { step() }
    perform(machine.close())
    if problem == nil, !isOpen.isEmpty { problem = "without an outcome: \(isOpen)" }
  }

  private mutating func step() {
    switch roll(12) {
    case 0..<4: send()
    case 4..<7: reply()
    case 7 where roll(4) == 0: perform(machine.lost(generation: staleOrCurrent(), reason: "", now: time))
    case 8: perform(machine.connected(generation: staleOrCurrent(), now: time))
    case 9: perform(machine.handshakeSucceeded(generation: staleOrCurrent(), now: time))
    case 10: perform(machine.prepared(generation: staleOrCurrent(), now: time))
    default:
      now += Int64(roll(300))
      perform(machine.timer(now: time))
    }
  }

  private mutating func staleOrCurrent() -> UInt64 {
    machine.generation - (roll(4) == 0 && machine.generation > 0 ? 1 : 0)
  }

  private mutating func send() {
    let tag = nextTag
    nextTag += 1
    let now = time
    let deadline = now + .milliseconds(Int64(1 + roll(200)))
    if case .accepted = machine.admit(tag, tag: tag, deadline: deadline, now: now) {
      isOpen.insert(tag)
      owed.append(tag)
    }
  }

  private mutating func reply() {
    guard !owed.isEmpty else { return }
    let answered = owed.removeFirst()
    machine.heard(now: time)
    switch machine.reply() {
    case .deliver(_, let tag):
      delivered += 1
      if tag != answered { problem = "the reply to \(answered.debugDescription) went to \(tag)" }
      if isOpen.remove(tag) == nil { problem = "\(tag) had two outcomes" }
    case .drop:
      if let answered, isOpen.contains(answered) { problem = "the reply to \(answered) was dropped" }
    case .unexpected:
      problem = "the reply to \(answered.debugDescription) was not expected"
    }
  }

  private mutating func perform(_ actions: [ConnectionMachine<Int>.Action]) {
    for action in actions {
      switch action {
      case .writePing: owed.append(nil)
      case .dropChannel: owed = []
      case .connect, .shakeHands, .prepare, .announceReady: break
      }
    }
    for casualty in machine.takeCasualties() where isOpen.remove(casualty.tag) == nil {
      problem = "\(casualty.tag) had two outcomes"
    }
  }
}
