import TestServers
import Testing

extension FullStack {
  /// Reservations that were made while Redis was away.
  @Suite(.stack(.degraded())) struct DegradedHoldTests {
    private func reserve(_ user: TestUser, tokens: Int = 300, seconds: Int = 600) async throws -> String {
      let answer = try await Stack.here.check(
        user, #"{"feature":"note","mode":"reserve","tokens":\#(tokens),"ttl_s":\#(seconds)}"#)
      expectDegraded(answer)
      #expect(answer.json["tokens"] == .integer(Int64(tokens)))
      #expect(answer.json["reservation"]["expires_at"].string != nil)
      return try #require(answer.json["reservation"]["id"].string)
    }

    private func resolve(_ hold: String, _ action: String, _ body: String? = nil) async throws -> Answer {
      let stack = Stack.here
      return try await stack.call("POST", "/v1/reservations/\(hold)/\(action)", stack.service, body)
    }

    @Test func settledBeforeRedisIsBack() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("settler", plan: "storm")
      var (settled, released) = ("", "")
      try await stack.withoutRedis {
        settled = try await reserve(user)
        released = try await reserve(user)
        let answer = try await resolve(settled, "settle", #"{"tokens":250,"outcome":"completed"}"#)
        expectDegraded(answer)
        #expect(answer.json["state"] == .string("settled"))
        #expect(answer.json["reserved"] == .integer(300))
        #expect(answer.json["tokens"] == .integer(250))
        #expect(answer.budget.held == 300)
        #expect(answer.budget.used == 250)
        #expect(try await resolve(settled, "settle", #"{"tokens":250}"#).status == 200)
        let other = try await resolve(settled, "settle", #"{"tokens":251}"#)
        expectProblem(other, 409, "reservation_finalized")
        #expect(other.json["tokens"] == .integer(250))
        let release = try await resolve(released, "release")
        expectDegraded(release)
        #expect(release.budget.remaining == 750)
        #expect(release.budget.held == 0)
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 250)
      let budget = try await stack.budget(user)
      #expect(budget.used == 250)
      #expect(budget.held == 0)
      // The same answers when Redis is back.
      #expect(try await resolve(settled, "settle", #"{"tokens":250}"#).status == 200)
      expectProblem(try await resolve(settled, "release"), 409, "reservation_finalized")
    }

    @Test func handedOverWhenRedisIsBack() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("handed-over", plan: "storm")
      var hold = ""
      try await stack.withoutRedis {
        hold = try await reserve(user)
        let longer = try await resolve(hold, "extend", #"{"tokens":800,"ttl_s":900}"#)
        expectDegraded(longer)
        #expect(longer.budget.held == 800)
        expectProblem(try await resolve(hold, "extend", #"{"tokens":1001}"#), 503, "store_unavailable")
        expectProblem(
          try await stack.check(user, #"{"feature":"note","tokens":201}"#), 503, "store_unavailable")
      }
      try await stack.waitForCharges()
      let held = try await stack.budget(user)
      #expect(held.held == 800)
      #expect(held.used == 0)
      let answer = try await resolve(hold, "settle", #"{"tokens":1234}"#)
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.json["degraded"] == .null)
      #expect(answer.json["reserved"] == .integer(800))
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 1234)
      #expect(try await stack.budget(user).used == 1234)
    }

    @Test func oneThatRunsOutIsChargedAndMayBeCorrected() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("runs-out", plan: "storm")
      var hold = ""
      try await stack.withoutRedis {
        hold = try await reserve(user, seconds: 1)
        try await eventually(within: .seconds(5), "its time passes") {
          try await stack.sql(
            "SELECT expires_at < now() FROM tollgate.degraded_charges WHERE user_id = 'runs-out'") == "t"
        }
      }
      try await stack.waitForCharges()
      try await eventually(within: .seconds(5), "its expiry is charged") {
        try await stack.budget(user).used == 300
      }
      let late = try await resolve(hold, "settle", #"{"tokens":120}"#)
      #expect(late.status == 200, "\(late.text)")
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 120)
      #expect(try await stack.budget(user).used == 120)
    }

    @Test func whatWasUsedSoFarIsChargedIfNobodyComesBack() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("vanishes", plan: "storm")
      try await stack.withoutRedis {
        let hold = try await reserve(user, seconds: 1)
        let told = try await resolve(hold, "extend", #"{"used_so_far":170}"#)
        expectDegraded(told)
        #expect(told.json["tokens"] == .integer(300))
      }
      try await stack.waitForCharges()
      try await eventually(within: .seconds(10), "its expiry is charged") {
        let budget = try await stack.budget(user)
        return budget.used == 170 && budget.held == 0
      }
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 170)
    }

    @Test func settledWhileNothingIsLeftToHoldItOn() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("nothing-left", plan: "storm")
      #expect(try await stack.check(user, #"{"feature":"note","tokens":99900}"#).status == 200)
      var hold = ""
      try await stack.withoutRedis { hold = try await reserve(user) }
      // It can't be handed over, and is owed still.
      let answer = try await resolve(hold, "settle", #"{"tokens":200}"#)
      #expect(answer.status == 200, "\(answer.text)")
      try await stack.waitForCharges()
      let budget = try await stack.budget(user)
      #expect(budget.used == 100_100)
      #expect(budget.debt == 100)
      #expect(try await stack.booked(user.id) == 100_100)
    }

    @Test func ordinaryHoldsWaitForRedis() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("ordinary", plan: "storm")
      let made = try await stack.check(user, #"{"feature":"note","mode":"reserve","ttl_s":600}"#)
      let hold = try #require(made.json["reservation"]["id"].string)
      try await stack.withoutRedis {
        expectProblem(try await resolve(hold, "settle", #"{"tokens":5}"#), 503, "store_unavailable")
      }
      #expect(try await resolve(hold, "settle", #"{"tokens":5}"#).status == 200)
      expectProblem(try await resolve("rsv_0123456789abcdef_dV8x", "release"), 404, "reservation_unknown")
    }
  }
}
