import Glibc
import TestServers
import Testing

extension FullStack {
  /// The gate is killed under load.
  @Suite(.stack) struct GateCrashTests {
    @Test(arguments: 1...3) func nothingAcknowledgedIsLost(round: Int) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("killed-gate-\(round)", plan: "storm")
      let request = Request("POST", "/v1/check", stack.service, #"{"user":"\#(user.id)","tokens":7}"#)
      let load = SpendLoad(stack, request, tokens: 7)
      let tally = try await load.run(connections: 8) {
        try await load.waitForAnswers(300)
        stack.gate.signal(SIGKILL)
        load.stop()
        #expect(try await stack.gate.exitCode(within: .seconds(10)) == 128 + SIGKILL)
      }
      try await stack.startGate()
      try await stack.waitForBooks()
      let booked = try await stack.booked(user.id)
      #expect(tally.unknown <= 8 * 7)
      #expect((tally.acknowledged...tally.acknowledged + tally.unknown).contains(booked), "\(tally)")
      let budget = try await stack.budget(user)
      #expect(budget.used == booked)
      #expect(budget.adds)
      print("GateCrash: acknowledged \(tally.acknowledged), unknown \(tally.unknown), booked \(booked)")
    }
  }

  /// Redis loses everything under load.
  @Suite(.stack) struct FlushedRedisTests {
    @Test func theRestIsRebuiltFromTheBooks() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("flushed", plan: "storm")
      let request = Request("POST", "/v1/check", stack.service, #"{"user":"flushed","tokens":7}"#)
      let load = SpendLoad(stack, request, tokens: 7)
      let probe = try await stack.openRedis()
      let tally = try await load.run(connections: 8) {
        for _ in 0..<3 {
          try await load.waitForAnswers(200)
          try await eventually(within: .seconds(5), "some of it is booked") {
            try await stack.booked(user.id) > 0
          }
          let before = try await stack.booked(user.id)
          #expect(try await probe.command("FLUSHALL") == .text("OK"))
          // What is on its way was decided before.
          try await load.waitForAnswers(16)
          load.mark()
          try await load.waitForAnswers(100)
          #expect(load.now.usedLeast >= before, "back to more than the books have left")
        }
      }
      try await stack.waitForBooks()
      let booked = try await stack.booked(user.id)
      #expect(booked <= tally.acknowledged + tally.unknown)
      let budget = try await stack.budget(user)
      #expect(budget.limit == 100_000)
      #expect(budget.used == booked)
      #expect(budget.remaining == 100_000 - booked)
      #expect(try await probe.command("GET", "chatbot-usage:flushed") == .text(String(100_000 - booked)))
      await probe.close()
      print("FlushedRedis: \(tally.statuses), acknowledged \(tally.acknowledged), booked \(booked)")
    }

    @Test func anEmptyRedisNeverMeansAFullBudget() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("emptied", plan: "storm")
      let hold = try await stack.check(
        user, #"{"feature":"note","tokens":2000,"mode":"reserve","ttl_s":600}"#)
      let id = try #require(hold.json["reservation"]["id"].string)
      #expect(try await stack.check(user, #"{"feature":"note","tokens":97000}"#).status == 200)
      try await stack.waitForBooks()
      let probe = try await stack.openRedis()
      for _ in 0..<3 {
        try await probe.command("FLUSHALL")
        let refused = try await stack.check(user, #"{"feature":"note","tokens":1001}"#)
        expectProblem(refused, 429, "budget_exhausted")
        #expect(refused.json["remaining"] == .integer(1000))
        let budget = try await stack.budget(user)
        #expect(budget.used == 97_000)
        #expect(budget.held == 2000)
      }
      await probe.close()
      let settled = try await stack.call(
        "POST", "/v1/reservations/\(id)/settle", stack.service, #"{"tokens":500}"#)
      #expect(settled.status == 200, "\(settled.text)")
      #expect(settled.budget.used == 97_500)
      #expect(settled.budget.held == 0)
    }
  }

  /// Redis is killed under load; with `appendfsync always` it loses nothing that it acknowledged.
  @Suite(.stack(StackOptions(redis: ["--appendonly", "yes", "--appendfsync", "always"])))
  struct KilledRedisTests {
    @Test func nothingAcknowledgedIsLost() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("killed-redis", plan: "storm")
      let request = Request("POST", "/v1/check", stack.service, #"{"user":"killed-redis","tokens":7}"#)
      let load = SpendLoad(stack, request, tokens: 7)
      let tally = try await load.run(connections: 8) {
        for _ in 0..<2 {
          try await load.waitForAnswers(200)
          try await stack.redis.kill9()
          try await load.waitForAnswers(1, status: 503)
          try await stack.redis.restart()
          try await load.waitForAnswers(100)
        }
      }
      try await stack.waitForBooks()
      let booked = try await stack.booked(user.id)
      #expect((tally.acknowledged...tally.acknowledged + tally.unknown).contains(booked), "\(tally)")
      let budget = try await stack.budget(user)
      #expect(budget.used == booked)
      #expect(budget.adds)
      #expect(Set(tally.statuses.keys) == [200, 503], "\(tally.statuses)")
      print("KilledRedis: \(tally.statuses), acknowledged \(tally.acknowledged), booked \(booked)")
    }
  }
}
