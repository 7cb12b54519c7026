import NIOCore
import Testing

@testable import RedisStore

/// Interleavings, played without a socket. Times are milliseconds since the machine was made.
@Suite struct ConnectionMachineTests {
  private typealias Machine = ConnectionMachine<String>

  private func at(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(0) + .milliseconds(milliseconds)
  }

  private func ready(maxPending: Int = 100) -> Machine {
    var limits = ConnectionLimits()
    limits.maxPending = maxPending
    limits.timeoutsInARowMax = 10
    var machine = Machine(limits: limits, seed: 1)
    #expect(machine.start(now: at(0)) == [.connect(generation: 1)])
    #expect(machine.connected(generation: 1, now: at(1)) == [.shakeHands])
    #expect(machine.handshakeSucceeded(generation: 1, now: at(2)) == [.prepare])
    #expect(machine.prepared(generation: 1, now: at(3)) == [.announceReady])
    return machine
  }

  private func send(_ machine: inout Machine, _ tag: Int, at time: Int64, for milliseconds: Int64 = 150)
    -> Machine.Admission
  { machine.admit("user", tag: tag, deadline: at(time + milliseconds), now: at(time)) }

  /// The tag that the next reply goes to; nil when it is dropped, -1 when it is nobody's.
  private func reply(_ machine: inout Machine, at time: Int64) -> Int? {
    machine.heard(now: at(time))
    return switch machine.reply() {
    case .deliver(_, let tag): tag
    case .drop: nil
    case .unexpected: -1
    }
  }

  private func casualties(_ machine: inout Machine) -> [String] {
    machine.takeCasualties().map { "\($0.tag) \($0.failure)" }
  }

  @Test func nothingIsLetThroughBeforeTheHookIsDone() {
    var machine = Machine(limits: ConnectionLimits(), seed: 1)
    #expect(send(&machine, 1, at: 0) == .refused(.notConnected))
    _ = machine.start(now: at(0))
    #expect(send(&machine, 1, at: 0) == .refused(.notConnected))
    _ = machine.connected(generation: 1, now: at(1))
    #expect(send(&machine, 1, at: 1) == .refused(.notConnected))
    #expect(
      machine.admitEarly("hook", tag: 0, deadline: at(9), generation: 1, now: at(1)) == .accepted)
    #expect(reply(&machine, at: 2) == 0)
    _ = machine.handshakeSucceeded(generation: 1, now: at(2))
    #expect(send(&machine, 1, at: 2) == .refused(.notConnected))
    #expect(
      machine.admitEarly("hook", tag: 1, deadline: at(9), generation: 1, now: at(2)) == .accepted)
    #expect(reply(&machine, at: 3) == 1)
    _ = machine.prepared(generation: 1, now: at(3))
    #expect(send(&machine, 1, at: 4) == .accepted)
  }

  @Test func aLostConnectionFailsEachRequestOnceAndItsLateEventsAreStale() {
    var machine = ready()
    _ = send(&machine, 1, at: 10)
    _ = send(&machine, 2, at: 10)
    #expect(machine.lost(generation: 1, reason: "x", now: at(11)) == [.dropChannel(reason: "x")])
    #expect(casualties(&machine) == ["1 connectionLost", "2 connectionLost"])
    #expect(machine.lost(generation: 1, reason: "again", now: at(12)) == [])
    #expect(casualties(&machine) == [])
    #expect(send(&machine, 3, at: 12) == .refused(.notConnected))
    #expect(machine.timer(now: at(12)) == [])
    #expect(machine.timer(now: at(70)) == [.connect(generation: 2)])
    // The first connection's hook completes now: it is not the second's.
    #expect(machine.prepared(generation: 1, now: at(71)) == [])
    #expect(machine.connected(generation: 1, now: at(71)) == [])
    #expect(machine.lost(generation: 1, reason: "late", now: at(71)) == [])
    #expect(
      machine.admitEarly("old hook", tag: 0, deadline: at(99), generation: 1, now: at(71))
        == .refused(.connectionLost))
    #expect(machine.connected(generation: 2, now: at(72)) == [.shakeHands])
  }

  @Test func aTimedOutRequestKeepsItsPlaceUntilItsReplyCame() {
    var machine = ready()
    _ = send(&machine, 1, at: 10, for: 20)
    _ = send(&machine, 2, at: 11)
    #expect(machine.timer(now: at(30)) == [])
    #expect(casualties(&machine) == ["1 timedOut"])
    #expect(reply(&machine, at: 31) == nil)
    #expect(reply(&machine, at: 31) == 2)
    #expect(reply(&machine, at: 31) == -1)
    #expect(machine.timeouts == 1)
  }

  @Test func silencePastADeadlineOpensTheBreakerAndTheProbesReplyClosesIt() {
    var machine = ready()
    _ = send(&machine, 1, at: 1000)
    _ = send(&machine, 2, at: 1001)
    #expect(machine.nextWakeUp(now: at(1001)) == at(1150))
    #expect(machine.timer(now: at(1150)) == [.writePing])
    #expect(machine.breaker == .halfOpen)
    #expect(casualties(&machine) == ["1 timedOut"])
    #expect(send(&machine, 3, at: 1150) == .refused(.circuitOpen))
    #expect(machine.timer(now: at(1151)) == [])
    #expect(casualties(&machine) == ["2 timedOut"])
    #expect(reply(&machine, at: 1400) == nil)
    #expect(machine.breaker == .halfOpen, "the backlog isn't gone yet")
    #expect(reply(&machine, at: 1400) == nil)
    #expect(reply(&machine, at: 1401) == nil)
    #expect(machine.breaker == .closed)
    #expect(send(&machine, 4, at: 1402) == .accepted)
    #expect(reply(&machine, at: 1403) == 4)
  }

  @Test func aProbeWithoutAnswerEndsTheConnectionAndTheBreakerStaysOpenUntilTheNextIsReady() {
    var machine = ready()
    _ = send(&machine, 1, at: 1000)
    #expect(machine.timer(now: at(1150)) == [.writePing])
    #expect(machine.nextWakeUp(now: at(1150)) == at(2000))
    #expect(machine.timer(now: at(1999)) == [])
    #expect(machine.timer(now: at(2000)) == [.dropChannel(reason: "Redis fell silent")])
    #expect(machine.breaker == .open)
    #expect(casualties(&machine) == ["1 timedOut"], "told when it timed out, and not again")
    #expect(send(&machine, 2, at: 2000) == .refused(.circuitOpen))
    #expect(machine.timer(now: at(2060)) == [.connect(generation: 2)])
    #expect(machine.breaker == .halfOpen)
    // The kernel takes the connection for a stopped Redis.
    #expect(machine.connected(generation: 2, now: at(2061)) == [.shakeHands])
    _ = machine.admitEarly("hands", tag: 0, deadline: at(3060), generation: 2, now: at(2061))
    #expect(machine.timer(now: at(3060)).count == 1)
    #expect(machine.breaker == .open)
    #expect(casualties(&machine) == ["0 timedOut"])
    #expect(machine.timer(now: at(3160)) == [.connect(generation: 3)])
    _ = machine.connected(generation: 3, now: at(3161))
    _ = machine.handshakeSucceeded(generation: 3, now: at(3162))
    #expect(send(&machine, 3, at: 3162) == .refused(.circuitOpen))
    _ = machine.prepared(generation: 3, now: at(3163))
    #expect(send(&machine, 4, at: 3164) == .accepted)
  }

  @Test func oneShortDeadlineIsNoSilence() {
    var machine = ready()
    _ = send(&machine, 1, at: 1000, for: 1)
    #expect(machine.timer(now: at(1001)) == [])
    #expect(casualties(&machine) == ["1 timedOut"])
    #expect(machine.breaker == .closed)
    #expect(machine.nextWakeUp(now: at(1001)) == at(1100))
    #expect(machine.timer(now: at(1100)) == [.writePing], "but it is once nothing came for the stall time")
  }

  @Test func repliesThatAreAllLateOpenTheBreakerThoughRedisIsHeard() {
    var machine = ready()
    for tag in 0..<10 { _ = send(&machine, tag, at: 1000 + Int64(tag)) }
    machine.heard(now: at(1155))
    #expect(machine.timer(now: at(1160)) == [.writePing])
    #expect(casualties(&machine).count == 10)
    for _ in 0..<11 { #expect(reply(&machine, at: 1170) == nil) }
    #expect(machine.breaker == .closed)
    #expect(machine.timer(now: at(1171)) == [])
  }

  @Test func aReplyInTimeEndsARowOfTimeouts() {
    var machine = ready()
    for round in 0..<30 {
      let time = 1000 + Int64(round) * 100
      _ = send(&machine, round, at: time, for: 1)
      _ = send(&machine, round, at: time)
      #expect(machine.timer(now: at(time + 1)) == [])
      #expect(reply(&machine, at: time + 2) == nil)
      #expect(reply(&machine, at: time + 2) == round)
    }
    #expect(machine.breaker == .closed)
  }

  @Test func anIdleConnectionIsPingedAndItsSilenceFoundOut() {
    var machine = ready()
    #expect(machine.nextWakeUp(now: at(3)) == at(1001))
    #expect(machine.timer(now: at(1000)) == [])
    #expect(machine.timer(now: at(1001)) == [.writePing])
    #expect(machine.timer(now: at(1002)) == [])
    #expect(reply(&machine, at: 1003) == nil)
    #expect(machine.timer(now: at(2003)) == [.writePing])
    #expect(machine.timer(now: at(2103)) == [.writePing], "the probe of the open breaker")
    #expect(machine.breaker == .halfOpen)
    #expect(machine.timer(now: at(3003)).count == 1)
    #expect(machine.breaker == .open)
    #expect(casualties(&machine) == [], "nobody asked for anything")
  }

  @Test func aBlockingCommandIsNotTakenForSilence() {
    var machine = ready()
    _ = send(&machine, 1, at: 1000, for: 7000)
    for time in stride(from: 1100, through: 7900, by: 100) {
      #expect(machine.timer(now: at(Int64(time))) == [])
    }
    #expect(machine.breaker == .closed)
    #expect(reply(&machine, at: 7950) == 1)
  }

  @Test func theRingHasALimit() {
    var machine = ready(maxPending: 2)
    #expect(send(&machine, 1, at: 10) == .accepted)
    #expect(send(&machine, 2, at: 10, for: 1) == .accepted)
    #expect(send(&machine, 3, at: 10) == .refused(.overloaded))
    _ = machine.timer(now: at(11))
    #expect(casualties(&machine) == ["2 timedOut"])
    #expect(send(&machine, 3, at: 12) == .refused(.overloaded), "a tombstone takes a place too")
    #expect(reply(&machine, at: 13) == 1)
    #expect(send(&machine, 3, at: 14) == .accepted)
  }

  @Test func closingEndsEverythingForGood() {
    var machine = ready()
    _ = send(&machine, 1, at: 10)
    #expect(machine.close() == [.dropChannel(reason: "closed")])
    #expect(machine.close() == [])
    #expect(casualties(&machine) == ["1 connectionLost"])
    #expect(send(&machine, 2, at: 11) == .refused(.notConnected))
    #expect(machine.timer(now: at(99_999)) == [])
    #expect(machine.nextWakeUp(now: at(11)) == .distantFuture)
    #expect(machine.connected(generation: 1, now: at(12)) == [])
    #expect(machine.lost(generation: 1, reason: "x", now: at(12)) == [])
  }

  /// Ten thousand random histories: whatever happens in whatever order, each accepted request has exactly
  /// one outcome, and a reply goes to the request that was sent in its place or to nobody.
  @Test func randomHistories() {
    var delivered = 0
    for seed in 0..<10_000 as Range<UInt64> {
      var history = RandomHistory(seed: seed)
      history.run()
      if let problem = history.problem { Issue.record("seed \(seed): \(problem)") }
      delivered += history.delivered
    }
    #expect(delivered > 20_000)
  }
}
