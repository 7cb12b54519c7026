import Glibc
import TestServers
import Testing

extension FullStack {
  /// Redis is killed under load, and so are gates.
  @Suite(.stack(.degraded(tokens: 100_000))) struct DegradedCrashTests {
    @Test(arguments: 1...2) func answersGivenAreAnswersCharged(round: Int) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("crash-degraded-\(round)", plan: "storm")
      let body = #"{"user":"\#(user.id)","feature":"note","tokens":7}"#
      let load = SpendLoad(stack, Request("POST", "/v1/check", stack.service, body), tokens: 7)
      let other = try await stack.startAnotherGate()
      let tally = try await load.run(connections: 8) {
        try await load.waitForAnswers(100)
        try await stack.redis.kill9()
        try await load.waitForAnswers(400)
        // What this gate has allowed, another one charges.
        stack.gate.signal(SIGKILL)
        load.stop()
        #expect(try await stack.gate.exitCode(within: .seconds(10)) == 128 + SIGKILL)
      }
      let owed = try await stack.owedCharges()
      #expect(owed > 0)
      try await stack.redis.restart()
      // Two gates collect, and one more is killed amid it.
      async let third = stack.startAnotherGate()
      try await eventually(within: .seconds(20), "collecting has begun") {
        try await stack.owedCharges() < owed
      }
      other.signal(SIGKILL)
      _ = try await other.exitCode(within: .seconds(10))
      let last = try await third
      try await stack.startGate()
      try await stack.waitForCharges(within: .seconds(40))
      let booked = try await stack.booked(user.id)
      #expect((tally.acknowledged...tally.acknowledged + tally.unknown).contains(booked), "\(tally)")
      let budget = try await stack.budget(user)
      #expect(budget.used == booked)
      #expect(budget.adds)
      print(
        "DegradedCrash: \(tally.statuses), acknowledged \(tally.acknowledged), unknown \(tally.unknown),",
        "booked \(booked), owed at the restart \(owed)")
      last.signal(SIGKILL)
    }
  }

  /// Both stores are away: nothing can be written down, so nothing is allowed.
  @Suite(.stack(.degraded(ownPostgres: true))) struct BothStoresAwayTests {
    @Test func nothingIsAllowed() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("both-away", plan: "storm")
      #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      try await stack.waitForBooks()
      stack.redis.pause()
      do {
        expectDegraded(try await stack.check(user, #"{"feature":"note"}"#))
        try await stack.postgres.stop()
        for _ in 0..<3 {
          expectProblem(try await stack.check(user, #"{"feature":"note"}"#), 503, "store_unavailable")
        }
        try await eventually(within: .seconds(10), "the gate says that it is not ready") {
          try await stack.call("GET", "/readyz").status == 503
        }
        try await stack.postgres.restart()
        try await eventually(within: .seconds(15), "Postgres alone is enough") {
          try await stack.check(user, #"{"feature":"note"}"#).status == 200
        }
      } catch {
        stack.redis.resume()
        throw error
      }
      stack.redis.resume()
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 300)
    }
  }
}
