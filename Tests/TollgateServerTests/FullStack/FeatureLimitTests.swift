import Testing

extension FullStack {
  @Suite(.stack) struct FeatureLimitTests {
    private func check(_ user: TestUser, _ body: String) async throws -> Answer {
      try await Stack.here.check(user, body)
    }

    @Test func aFeatureHasLimitsOfItsOwn() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-rate", plan: "picky")
      let body = #"{"feature":"deep","tokens":5000}"#
      #expect(try await check(user, body).status == 200)
      #expect(try await check(user, body).status == 200)
      let refused = try await check(user, body)
      expectProblem(refused, 429, "rate_limited")
      #expect(refused.json["policy"] == .string("requests"))
      #expect(refused.header("Retry-After") != nil)
      // Nothing was taken, and the plan's other features go on.
      #expect(try await stack.budget(user).used == 10_000)
      #expect(try await check(user, #"{"feature":"note"}"#).status == 200)
    }

    @Test func aSlotOfTheFeatureFreesItselfWithItsHold() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-slot", plan: "picky")
      let hold = #"{"feature":"note","mode":"reserve","ttl_s":1}"#
      let first = try await check(user, hold)
      #expect(first.status == 200, "\(first.text)")
      let second = try await check(user, hold)
      expectProblem(second, 429, "concurrency_limited")
      #expect(second.json["limit"] == .integer(1))
      #expect(try await check(user, #"{"feature":"chat","mode":"reserve"}"#).status == 200)
      try await eventually(within: .seconds(5), "the hold's time has passed") {
        try await check(user, hold).status == 200
      }
    }

    @Test func shadowLimitsDecideAndLetThrough() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-shadow", plan: "shadowed")
      for _ in 0..<4 { #expect(try await check(user, #"{"feature":"note"}"#).status == 200) }
      try await stack.waitForBooks()
      let recorded = try await stack.sql(
        "SELECT count(*) FROM tollgate.ledger WHERE user_id = 'f-shadow' AND shadowed = 1")
      #expect(recorded == "2")
      let metrics = try await stack.admin("GET", "/metrics").text
      #expect(metrics.contains("tollgate_shadow_denials_total{limit=\"requests\"}"))
    }

    @Test func aServiceMayHaveADecisionExplained() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-why", plan: "picky")
      let body = #"{"user":"f-why","feature":"deep","tokens":5000,"explain":true}"#
      func explain() async throws -> Answer { try await stack.call("POST", "/v1/check", stack.service, body) }
      let allowed = try await explain()
      #expect(allowed.status == 200)
      let rules = allowed.json["rules"].items
      #expect(
        rules.map { $0["rule"].string ?? "" } == ["plan", "subscription", "feature_requests", "user_budget"])
      #expect(rules.allSatisfy { $0["verdict"] == .string("pass") })
      #expect(rules[3]["limit"] == .integer(1_000_000) && rules[3]["taken"] == .integer(0))
      _ = try await explain()
      let denied = try await explain()
      expectProblem(denied, 429, "rate_limited")
      let verdicts = denied.json["rules"].items.map { $0["verdict"].string ?? "" }
      #expect(verdicts == ["pass", "pass", "deny", "pass"])
      #expect(denied.json["rules"][2]["retry_after_s"].integer ?? 0 > 0)
      let plan = try await stack.call(
        "POST", "/v1/check", stack.service, #"{"user":"f-why","feature":"gone","explain":true}"#)
      expectProblem(plan, 402, "plan_required")
      #expect(plan.json["rules"].items.map { $0["verdict"].string ?? "" } == ["deny"])
      expectProblem(try await check(user, #"{"explain":true}"#), 403, "forbidden")
    }

    /// Until five uses were settled the default counts; then the largest of the last ones, for so few.
    @Test func anEstimateFollowsWhatWasSettled() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-guess", plan: "picky")
      #expect(try await check(user, #"{"feature":"guess"}"#).json["tokens"] == .integer(1000))
      for tokens in [120, 340, 90, 210, 150] {
        let held = try await check(user, #"{"feature":"guess","mode":"reserve"}"#)
        let id = try #require(held.json["reservation"]["id"].string)
        let settled = try await stack.call(
          "POST", "/v1/reservations/\(id)/settle", stack.service, #"{"tokens":\#(tokens)}"#)
        #expect(settled.status == 200, "\(settled.text)")
      }
      #expect(try await check(user, #"{"feature":"guess"}"#).json["tokens"] == .integer(340))
      // An extension can't name less; a service can.
      #expect(try await check(user, #"{"feature":"guess","tokens":5}"#).json["tokens"] == .integer(340))
      let service = try await stack.call(
        "POST", "/v1/check", stack.service, #"{"user":"f-guess","feature":"guess","tokens":5}"#)
      #expect(service.json["tokens"] == .integer(5))
    }

    /// A client that vanishes is charged what it reported; a settle that comes late corrects it, also after Redis
    /// has lost everything.
    @Test func whatWasReportedIsCharged() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-stream", plan: "storm")
      let held = try await check(user, #"{"feature":"note","tokens":1000,"mode":"reserve","ttl_s":60}"#)
      let id = try #require(held.json["reservation"]["id"].string)
      func act(_ action: String, _ body: String) async throws -> Answer {
        try await stack.call("POST", "/v1/reservations/\(id)/\(action)", stack.service, body)
      }
      let extended = try await act("extend", #"{"used_so_far":370,"ttl_s":1}"#)
      #expect(extended.status == 200, "\(extended.text)")
      #expect(extended.json["tokens"] == .integer(1000))
      try await eventually(within: .seconds(5), "the hold's time has passed") {
        try await stack.budget(user).held == 0
      }
      #expect(try await stack.budget(user).used == 370)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 370)
      let probe = try await stack.openRedis()
      try await probe.command("FLUSHALL")
      await probe.close()
      let settled = try await act("settle", #"{"tokens":420,"outcome":"client_disconnect"}"#)
      #expect(settled.status == 200, "\(settled.text)")
      #expect(settled.budget.used == 420 && settled.budget.adds)
      #expect(try await act("settle", #"{"tokens":420,"outcome":"client_disconnect"}"#).body == settled.body)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 420)
      let outcome = try await stack.sql(
        "SELECT outcome FROM tollgate.usage_entries WHERE user_id = 'f-stream' AND kind = 'correct'")
      #expect(outcome == "client_disconnect")
    }

    @Test func aUsersOwnLimitTakesThePlansPlace() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-own", plan: "slow")
      for _ in 0..<3 { #expect(try await check(user, #"{"feature":"note"}"#).status == 200) }
      expectProblem(try await check(user, #"{"feature":"note"}"#), 429, "rate_limited")
      let put = try await stack.admin(
        "PUT", "/admin/v1/users/f-own/limits", #"{"limit":"requests","unlimited":true,"reason":"launch day"}"#
      )
      #expect(put.status == 200, "\(put.text)")
      for _ in 0..<5 { #expect(try await check(user, #"{"feature":"note"}"#).status == 200) }
      let removed = try await stack.admin("DELETE", "/admin/v1/users/f-own/limits/requests")
      #expect(removed.status == 204, "\(removed.text)")
      expectProblem(try await check(user, #"{"feature":"note"}"#), 429, "rate_limited")
    }

    /// It ends by the clock, on gates that have it in their caches.
    @Test func aUsersOwnLimitEndsByItself() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-ends", plan: "slow")
      let until = try await stack.sql(
        "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '2 seconds', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
      )
      let put = try await stack.admin(
        "PUT", "/admin/v1/users/f-ends/limits",
        #"{"limit":"requests","count":1000,"window_s":1,"expires_at":"\#(until)","reason":"trial"}"#)
      #expect(put.status == 200, "\(put.text)")
      for _ in 0..<6 { #expect(try await check(user, #"{"feature":"note"}"#).status == 200) }
      try await eventually(within: .seconds(6), "the plan's own limit counts again") {
        try await check(user, #"{"feature":"note"}"#).status == 429
      }
    }

    @Test func thresholdsAreAnnouncedOnce() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("f-mark", plan: "storm")
      for _ in 0..<11 { #expect(try await check(user, #"{"feature":"chat","tokens":9000}"#).status == 200) }
      try await stack.waitForBooks()
      let told = "SELECT string_agg(operation_id, ',' ORDER BY operation_id) FROM tollgate.ledger"
      let announced = try await stack.sql("\(told) WHERE user_id = 'f-mark' AND kind = 'threshold'")
      #expect(announced == "threshold:0:50,threshold:0:80")
      #expect(try await check(user, #"{"feature":"note","tokens":1000}"#).status == 200)
      try await stack.waitForBooks()
      let all = try await stack.sql("\(told) WHERE user_id = 'f-mark' AND kind = 'threshold'")
      #expect(all == "threshold:0:100,threshold:0:50,threshold:0:80")
    }
  }
}
