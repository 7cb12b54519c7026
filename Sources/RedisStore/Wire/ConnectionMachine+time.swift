internal import NIOCore

/// What the passing of time does to a connection. The shell calls ``timer(now:)`` no later than
/// ``nextWakeUp(now:)``; earlier or more often does no harm.
extension ConnectionMachine {
  mutating func timer(now: NIODeadline) -> [Action] {
    switch phase {
    case .idle, .closed:
      return []
    case .waiting(let until):
      return until <= now ? [connect(now: now)] : []
    case .connecting(let until), .handshaking(let until), .preparing(let until):
      expire(now: now)
      guard until <= now else { return [] }
      // The kernel accepts connections for a stopped Redis, so this is how one that was stopped before
      // it was connected to shows.
      breaker = .open
      return lost(generation: generation, reason: "Redis was not ready in time", now: now)
    case .ready:
      expire(now: now)
      return watch(now: now)
    }
  }

  /// When ``timer(now:)`` has something to do next.
  func nextWakeUp(now: NIODeadline) -> NIODeadline {
    switch phase {
    case .idle, .closed:
      return .distantFuture
    case .waiting(let until):
      return until
    case .connecting(let until), .handshaking(let until), .preparing(let until):
      return min(until, ring.earliestDeadline)
    case .ready:
      let pingDue = (ring.isEmpty ? silentSince : now) + limits.pingInterval
      var wakeUp = min(ring.earliestDeadline, pingDue)
      if breaker == .halfOpen { wakeUp = min(wakeUp, silentSince + limits.livenessTimeout) }
      if breaker == .closed, ring.tombstones > 0 { wakeUp = min(wakeUp, silentSince + limits.stallTime) }
      return wakeUp
    }
  }

  /// The reply of a probe came, and so did all replies that were owed before it: nothing is late any more.
  mutating func probeAnswered() {
    guard phase == .ready else { return }
    breaker = .closed
    timeoutsInARow = 0
  }

  private mutating func expire(now: NIODeadline) {
    ring.expire(now: now) { entry in
      guard let owner = entry.owner else { return }
      timeouts += 1
      timeoutsInARow += 1
      casualties.append(Casualty(owner: owner, tag: entry.tag, failure: .timedOut))
    }
  }

  private mutating func watch(now: NIODeadline) -> [Action] {
    switch breaker {
    case .closed where ring.isEmpty:
      // A peer that vanished without a FIN is only found out by asking.
      guard silentSince + limits.pingInterval <= now else { return [] }
      silentSince = now
      return [probe(until: now + limits.stallTime)]
    case .closed:
      let isSilent = ring.tombstones > 0 && silentSince + limits.stallTime <= now
      guard isSilent || timeoutsInARow >= limits.timeoutsInARowMax else { return [] }
      // The probe stands behind all that is owed, so its reply says that the backlog is gone too. It has
      // no deadline of its own: silence is what ends it.
      breaker = .halfOpen
      return [probe(until: .distantFuture)]
    case .halfOpen:
      guard silentSince + limits.livenessTimeout <= now else { return [] }
      return lost(generation: generation, reason: "Redis fell silent", now: now)
    case .open:
      return []
    }
  }

  private mutating func probe(until deadline: NIODeadline) -> Action {
    ring.append(.init(role: .probe, owner: nil, tag: 0, deadline: deadline))
    return .writePing
  }
}
