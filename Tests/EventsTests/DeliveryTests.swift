import Events
import Gate
import NIOPosix
import PostgresStore
import Signatures
import Synchronization
import TestServers
import Testing

/// Deliveries over a real Postgres, to a receiver on loopback.
@Suite struct DeliveryTests {
  @Test func anEventIsDeliveredOnce() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book()
    try await bed.delivering(to: target) { deliverer in
      try await eventually("it is delivered") { try await bed.delivery().status == .delivered }
      // Whatever time passes: it is through.
      for _ in 0..<5 {
        bed.clock.advance(seconds: 86_400)
        #expect(try await bed.claims() == [])
      }
      #expect(deliverer.counters.map(\.counters.delivered) == [1])
      #expect(try await deliverer.backlog().map(\.pending) == [0])
    }
    let event = try #require(try await bed.events().first)
    #expect(event.status == .delivered)
    #expect(event.deliveries.map(\.attempts) == [1] && event.deliveries.map(\.lastStatus) == [200])
    #expect(receiver.deliveries.count == 1)
    let delivery = try #require(receiver.deliveries.first)
    #expect(delivery.path == "/hooks" && delivery.headers["webhook-id"] == event.id)
    let timestamp = try #require(delivery.headers["webhook-timestamp"].flatMap { Int64($0) })
    #expect(
      delivery.headers["webhook-signature"]
        == StandardWebhookSignature.sign(
          id: event.id, timestamp: timestamp, body: Array(delivery.body.utf8),
          secrets: try SigningSecrets([EventBed.secret])))
    #expect(
      delivery.body.hasPrefix(
        #"{"type":"budget.threshold_reached","timestamp":"2026-12-01T00:00:00Z","data":{"#))
  }

  /// 500, silence, a connection that is closed, nobody at home, and then it is taken; driven by the clock.
  @Test func whatFailsIsTriedAgainByTheSchedule() async throws {
    let bed = try await EventBed.make()
    var receiver = try await WebhookReceiver.start()
    let port = receiver.port
    receiver.answer { _, number in [.status(500), .silence, .hangUp][number] }
    // Long enough for an answer on a busy machine, short enough to wait for the silence.
    let target = try bed.target(receiver.url, timeoutMilliseconds: 2000)
    try await bed.register(target)
    try await bed.book()
    let start = bed.clock.now
    var stamps: Set<String> = []
    var ids: Set<String> = []
    try await bed.delivering(to: target) { deliverer in
      var expected: [(Int64, Int64?)] = [(5, 500), (300, nil), (1800, nil), (7200, nil)]
      for attempt in 1...4 {
        if attempt == 4 {
          for delivery in receiver.deliveries {
            stamps.insert(delivery.headers["webhook-timestamp"] ?? "")
            ids.insert(delivery.headers["webhook-id"] ?? "")
          }
          try await receiver.close()
        }
        try await eventually("attempt \(attempt) failed") {
          let delivery = try await bed.delivery()
          return delivery.attempts == attempt && deliverer.counters[0].counters.retried == attempt
        }
        let delivery = try await bed.delivery()
        let (delay, status) = expected.removeFirst()
        #expect(delivery.status == .pending && delivery.lastStatus == status, "\(delivery)")
        #expect(delivery.lastError?.isEmpty == false && delivery.lastError?.contains("hooks") == false)
        #expect(delivery.nextAttemptAt == bed.clock.now.advanced(seconds: delay))
        // Not a moment before.
        bed.clock.advance(seconds: delay - 1)
        #expect(try await bed.claims() == [])
        if attempt == 4 { receiver = try await WebhookReceiver.start(port: port) }
        bed.clock.advance(seconds: 1)
      }
      try await eventually("it is delivered") { try await bed.delivery().status == .delivered }
    }
    let delivery = try await bed.delivery()
    #expect(delivery.attempts == 5 && delivery.lastStatus == 200 && delivery.lastError == nil)
    #expect(delivery.deliveredAt == start.advanced(seconds: 5 + 300 + 1800 + 7200))
    // One id for all attempts, and a fresh time for each.
    for delivery in receiver.deliveries {
      stamps.insert(delivery.headers["webhook-timestamp"] ?? "")
      ids.insert(delivery.headers["webhook-id"] ?? "")
    }
    #expect(ids.count == 1 && stamps.count == 4)
  }

  @Test func afterTheLastAttemptItHasFailedUntilItIsReplayed() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    receiver.answer { _, number in .status(number < 10 ? 503 : 204) }
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book()
    try await bed.delivering(to: target) { deliverer in
      for attempt in 1...Int64(10) {
        try await eventually("attempt \(attempt)") {
          let counters = deliverer.counters[0].counters
          return counters.retried + counters.failed == attempt
        }
        bed.clock.advance(seconds: 86_400)
      }
      let failed = try #require(try await bed.events().first)
      #expect(failed.status == .failed && failed.deliveries[0].attempts == 10)
      #expect(failed.deliveries[0].nextAttemptAt == nil && failed.deliveries[0].lastStatus == 503)
      #expect(try await bed.claims() == [])
      #expect(try await bed.store.replayEvent(failed.id, to: ["crm"], actor: "cli") != nil)
      try await eventually("it is delivered") { try await bed.delivery().status == .delivered }
    }
    #expect(try await bed.delivery().attempts == 1)
    #expect(receiver.deliveries.count == 11)
  }

  @Test func redirectsAreNotFollowed() async throws {
    let bed = try await EventBed.make()
    let elsewhere = try await WebhookReceiver.start()
    let receiver = try await WebhookReceiver.start()
    let codes = [301, 302, 303, 307, 308]
    receiver.answer { _, number in .status(codes[number], headers: [("location", elsewhere.url)]) }
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book(users: codes.count)
    try await bed.delivering(to: target) { deliverer in
      try await eventually("all have failed once") { deliverer.counters[0].counters.retried == 5 }
    }
    let deliveries = try await bed.events().flatMap(\.deliveries)
    #expect(Set(deliveries.map(\.lastStatus)) == Set(codes.map { Int64($0) }))
    #expect(deliveries.allSatisfy { $0.status == .pending && $0.lastError?.contains("redirects") == true })
    #expect(receiver.deliveries.count == 5 && elsewhere.deliveries.isEmpty)
  }

  @Test func twoGatesDeliverEachEventOnce() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book(users: 200)
    let counters = try await bed.delivering(to: target) { one in
      try await bed.delivering(to: target) { two in
        try await eventually("all are delivered") { try await one.backlog()[0].pending == 0 }
        return [one, two].map { $0.counters[0].counters }
      }
    }
    #expect(receiver.deliveries.count == 200)
    #expect(Set(receiver.deliveries.compactMap { $0.headers["webhook-id"] }).count == 200)
    #expect(counters.allSatisfy { $0.retried == 0 && $0.failed == 0 })
  }

  @Test func aKilledGatesClaimIsTakenOver() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book()
    // A gate that is killed with the attempt under way.
    let dead = try #require(try await bed.claims(leaseSeconds: 60).first)
    #expect(dead.attempt == 1)
    try await bed.delivering(to: target) { _ in
      bed.clock.advance(seconds: 59)
      #expect(try await bed.claims() == [])
      #expect(receiver.deliveries.isEmpty)
      bed.clock.advance(seconds: 1)
      try await eventually("it is taken over") { try await bed.delivery().status == .delivered }
    }
    #expect(try await bed.delivery().attempts == 2)
    // It comes back to life, and has nothing to say any more.
    let late = EventAttemptEnd.failed(status: nil, error: "late")
    #expect(try await bed.store.finish(dead, late, now: bed.clock.now) == false)
    #expect(try await bed.delivery().status == .delivered)
    #expect(receiver.deliveries.map { $0.headers["webhook-id"] } == [dead.id])
  }

  @Test func aSlowTargetDelaysNobodyElse() async throws {
    let bed = try await EventBed.make()
    let slow = try await WebhookReceiver.start()
    slow.answer { _, _ in .silence }
    let quick = try await WebhookReceiver.start()
    let targets = [try bed.target(slow.url, name: "slow"), try bed.target(quick.url, name: "quick")]
    try await bed.register(targets[0], targets[1])
    try await bed.book(users: 50)
    try await bed.delivering(to: targets[0], targets[1]) { deliverer in
      try await eventually("the quick one has all") { deliverer.counters[1].counters.delivered == 50 }
      try await eventually("the slow one is busy") { slow.deliveries.count == 4 }
      // They start in the order in which they were booked, and no more than four at once.
      #expect(deliverer.counters[0].counters == DeliveryCounters())
      #expect(try await deliverer.backlog().map(\.pending) == [50, 0])
      let first = try await bed.store.events(EventFilter(), PageRequest(limit: 50)).items.suffix(4)
      #expect(Set(slow.deliveries.compactMap { $0.headers["webhook-id"] }) == Set(first.map(\.id)))
      slow.answer { _, _ in .status(200) }
    }
    // The gate was stopped meanwhile: what it gave up counts as not attempted, and waits for nobody's lease.
    let left = try await bed.events().flatMap(\.deliveries).filter { $0.status == .pending }
    #expect(left.count == 50 && left.allSatisfy { $0.attempts == 0 && $0.target == "slow" })
    try await bed.delivering(to: targets[0]) { deliverer in
      try await eventually("the slow one has all") { deliverer.counters[0].counters.delivered == 50 }
    }
  }

  @Test func whoIsGoneIsLeftAloneUntilAGateStarts() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    receiver.answer { _, number in .status(number == 0 ? 410 : 200) }
    let target = try bed.target(receiver.url)
    try await bed.register(target)
    try await bed.book()
    try await bed.delivering(to: target) { deliverer in
      try await eventually("it is paused") { deliverer.counters[0].counters.retried == 1 }
      try await bed.book(users: 2, percent: 100)
      bed.clock.advance(seconds: 86_400)
      #expect(try await bed.claims() == [])
      let backlog = try await deliverer.backlog()
      #expect(backlog[0].isPaused && backlog[0].pending == 3 && backlog[0].oldestSince != nil)
      #expect(receiver.deliveries.count == 1)
      try await bed.register(target)
      try await eventually("all are delivered") { deliverer.counters[0].counters.delivered == 3 }
      #expect(try await deliverer.backlog()[0].isPaused == false)
    }
    #expect(receiver.deliveries.count == 4)
  }

  @Test func anAnswerWithoutAnEndIsAnAnswer() async throws {
    let bed = try await EventBed.make()
    let receiver = try await WebhookReceiver.start()
    receiver.answer { _, _ in .endlessBody }
    let target = try bed.target(receiver.url, timeoutMilliseconds: 1000)
    try await bed.register(target)
    try await bed.book()
    try await bed.delivering(to: target) { _ in
      try await eventually("it is delivered") { try await bed.delivery().status == .delivered }
    }
    let large = String(repeating: "x", count: 1_000_000)
    receiver.answer { _, _ in .status(200, body: large) }
    let http = HTTPWebhookTransport(group: .singleton, connectionsPerHost: 1)
    let reply = try await http.post(
      WebhookRequest(url: receiver.url, headers: [], body: [], timeoutMilliseconds: 20_000))
    #expect(reply.status == 200 && reply.body.count == WebhookReply.bodyBytesMax)
    try await http.shutdown()
  }

  @Test func aReplayTakesAnAttemptUnderWayItsClaim() async throws {
    let bed = try await EventBed.make()
    let target = try bed.target("http://127.0.0.1:9/")
    try await bed.register(target)
    try await bed.book()
    let claim = try #require(try await bed.claims().first)
    let event = try #require(
      try await bed.store.replayEvent(claim.id, to: ["crm", "later"], actor: "key:k1"))
    #expect(event.deliveries.map(\.target) == ["crm", "later"])
    #expect(event.deliveries.allSatisfy { $0.status == .pending && $0.attempts == 0 })
    #expect(try await bed.store.finish(claim, .delivered(status: 200), now: bed.clock.now) == false)
    #expect(try await bed.claims().map(\.attempt) == [1])
    #expect(try await bed.store.replayEvent("evt_nowhere", to: ["crm"], actor: "cli") == nil)
    let audit = try await bed.store.audit(AuditFilter(action: "event.replay"), PageRequest()).items
    #expect(audit.map(\.actor) == ["key:k1"] && audit.map(\.subject) == ["event:\(claim.id)"])
    #expect(audit[0].after == #"{"targets": ["crm", "later"]}"#)
  }
}

extension EventBed {
  /// What another gate would get for crm now.
  func claims(leaseSeconds: Int64 = 60) async throws -> [EventClaim] {
    try await store.claimDeliveries(
      to: "crm", limit: 100, now: clock.now, leaseMilliseconds: leaseSeconds * 1000)
  }
}
