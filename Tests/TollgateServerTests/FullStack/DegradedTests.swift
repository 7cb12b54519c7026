import TestServers
import Testing

extension FullStack {
  /// Redis answers nothing, and the feature is allowed all the same.
  @Suite(.stack(.degraded())) struct DegradedTests {
    @Test func upToTheAllowanceAndNotOneTokenMore() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("storm-degraded", plan: "storm")
      let before = try await stack.check(user, #"{"feature":"note"}"#)
      #expect(before.json["degraded"] == .null)
      #expect(before.header("Tollgate-Degraded") == nil)
      let body = #"{"feature":"note","user":"storm-degraded","tokens":70}"#
      let request = Request("POST", "/v1/check", stack.service, body)
      try await stack.withoutRedis {
        let answers = try await withThrowingTaskGroup(of: [Answer].self) { group in
          for _ in 0..<16 {
            group.addTask {
              let connection = try await Connection.open(stack.gate.port)
              var answers: [Answer] = []
              for _ in 0..<5 { answers.append(try await connection.send(request)) }
              await connection.close()
              return answers
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        let allowed = answers.filter { $0.status == 200 }
        #expect(allowed.count == 14, "70 tokens fit 14 times into 1,000")
        for answer in allowed {
          expectDegraded(answer)
          #expect(answer.json["tokens"] == .integer(70))
          #expect(answer.budget.limit == 1000)
          #expect(answer.header("RateLimit")?.hasPrefix(#""degraded";r="#) == true)
          #expect(answer.header("Tollgate-User") == user.id)
        }
        #expect(Set(allowed.map { $0.budget.used }).count == 14, "each answer has its own moment")
        for answer in answers where answer.status != 200 {
          expectProblem(answer, 503, "store_unavailable")
          #expect(answer.header("Retry-After") != nil)
        }
        // The last 20 tokens are still there; nobody else has spent any.
        let peek = #"{"feature":"note","mode":"peek","tokens":20}"#
        for _ in 0..<2 { expectDegraded(try await stack.check(user, peek, stack.service)) }
        expectProblem(try await stack.check(user, #"{"feature":"chat"}"#), 503, "store_unavailable")
        let ready = try await stack.call("GET", "/readyz")
        #expect(ready.status == 200, "a gate that can answer takes traffic: \(ready.text)")
        let metrics = try await stack.admin("GET", "/metrics").text
        #expect(metrics.contains("tollgate_degraded_charges 14\n"))
        #expect(metrics.contains("tollgate_degraded_tokens_total 980\n"), "\(metrics)")
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 100 + 980)
      #expect(try await stack.budget(user).used == 1080)
      // Charged, so it may be had again.
      try await eventually(within: .seconds(5), "the allowance is whole") {
        try await stack.sql("SELECT count(*) FROM tollgate.degraded_charges WHERE user_id = 'storm-degraded'")
          == "14"
      }
      try await stack.withoutRedis {
        try await eventually(within: .seconds(5), "the allowance is whole again") {
          try await stack.check(user, #"{"feature":"note","tokens":1000}"#, stack.service).status == 200
        }
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 2080)
    }

    @Test func rightsAreThoseOfThisMoment() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("rights", plan: "storm")
      let poorer = try await stack.makeUser("poorer", plan: "storm")
      let second = try await stack.makeUser("leaver", plan: "storm")
      // Into the caches first: they must count for nothing.
      for user in [user, poorer, second] {
        #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      }
      try await stack.withoutRedis {
        expectDegraded(try await stack.check(user, #"{"feature":"note"}"#))
        try await stack.sql("DELETE FROM tollgate.extension_tokens WHERE user_id = 'rights'")
        expectProblem(try await stack.check(user, #"{"feature":"note"}"#), 401, "token_invalid")
        let gateway = try await stack.call("GET", "/authz/envoy/note/x", user.credentials)
        expectProblem(gateway, 401, "token_invalid")
        try await stack.sql("UPDATE tollgate.users SET plan = 'gone-plan' WHERE id = 'poorer'")
        expectDegraded(try await stack.check(poorer, #"{"feature":"note"}"#))
        try await stack.sql("DELETE FROM tollgate.users WHERE id = 'leaver'")
        expectProblem(
          try await stack.call(
            "POST", "/v1/check", stack.service, #"{"user":"leaver","feature":"note"}"#), 404, "not_found")
        expectProblem(try await stack.check(poorer, #"{"feature":"note","token":1}"#), 400, "invalid_request")
        let foreign = try await stack.check(poorer, #"{"feature":"note","user":"rights"}"#)
        expectProblem(foreign, 403, "forbidden")
        let stranger = TestUser(id: "", token: "tle_nobody-has-seen-this-token", tokenID: "")
        expectProblem(try await stack.check(stranger, #"{"feature":"note"}"#), 401, "token_invalid")
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked("rights") == 200)
      #expect(try await stack.booked("poorer") == 200)
    }

    @Test func theRequestRateHolds() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("slow-degraded", plan: "slow")
      try await stack.withoutRedis {
        for left in [2, 1, 0] {
          let answer = try await stack.check(user, #"{"feature":"note"}"#)
          expectDegraded(answer)
          #expect(answer.header("RateLimit")?.contains("\"requests\";r=\(left);") == true)
        }
        let refused = try await stack.check(user, #"{"feature":"note"}"#)
        expectProblem(refused, 429, "rate_limited")
        #expect(refused.json["policy"] == .string("requests"))
        #expect(refused.header("Retry-After") != nil)
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 300)
    }

    @Test func gatewaysAreAnsweredAsWell() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("gateway-degraded", plan: "storm")
      try await stack.withoutRedis {
        for gateway in ["envoy", "traefik", "nginx", "accel"] {
          let answer = try await stack.call("GET", "/authz/\(gateway)/note/x", user.credentials)
          #expect(answer.status == 200, "\(gateway): \(answer.text)")
          #expect(answer.header("Tollgate-Degraded") == "1")
          #expect(answer.header("Tollgate-User") == user.id)
          #expect(answer.body.isEmpty)
        }
        let hold = try await stack.call("GET", "/authz/envoy/hold/x", user.credentials)
        #expect(hold.header("Tollgate-Reservation")?.hasPrefix("rsv_") == true)
        expectProblem(
          try await stack.call("GET", "/authz/envoy/chat/x", user.credentials), 503, "store_unavailable")
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 400)
      #expect(try await stack.budget(user).held == 300)
    }

    @Test func useIsReportedAllTheSame() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("reporter", plan: "storm")
      let body = #"{"user":"reporter","feature":"note","tokens":2500,"metadata":{"model":"m"}}"#
      try await stack.withoutRedis {
        let answer = try await stack.call("POST", "/v1/usage", stack.service, body)
        expectDegraded(answer)
        #expect(answer.budget.debt == 1500)
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 2500)
      #expect(
        try await stack.sql("SELECT metadata FROM tollgate.ledger WHERE user_id = 'reporter' AND tokens > 0")
          == #"{"model":"m"}"#)
    }
  }

  /// What makes a charge count once, and in its own period.
  @Suite(.stack(.degraded())) struct DegradedChargeTests {
    @Test func aRetryIsTheFirstAnswerAgain() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("retrying", plan: "storm")
      let note = #"{"feature":"note","tokens":300}"#
      let early = [("Idempotency-Key", "early")]
      let key = [("Idempotency-Key", "during")]
      #expect(try await stack.check(user, note, early).status == 200)
      try await stack.withoutRedis {
        let first = try await stack.check(user, note, key)
        expectDegraded(first)
        #expect(first.header("Idempotency-Replayed") == nil)
        let again = try await stack.check(user, note, key)
        expectDegraded(again)
        #expect(again.header("Idempotency-Replayed") == "true")
        #expect(again.text == first.text)
        let other = try await stack.check(user, #"{"feature":"note","tokens":301}"#, key)
        expectProblem(other, 409, "idempotency_conflict")
        // Redis, which knows of its first answer, is away: allowed once more, but not charged once more.
        expectDegraded(try await stack.check(user, note, early))
        expectDegraded(try await stack.check(user, #"{"feature":"note","tokens":400}"#))
        // Nothing is left now; a retry needs nothing.
        expectProblem(try await stack.check(user, note), 503, "store_unavailable")
        #expect(try await stack.check(user, note, key).header("Idempotency-Replayed") == "true")
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 300 + 300 + 400)
      let later = try await stack.check(user, note, key)
      #expect(later.header("Idempotency-Replayed") == "true")
      #expect(later.json["degraded"] == .null)
      #expect(try await stack.budget(user).used == 1000)
    }

    @Test func whatTheCountersHadTakenAfterAllIsNotChargedAgain() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("lost-reply", plan: "storm")
      #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      try await stack.waitForBooks()
      // As if its reply had been lost, and the gate had allowed the check by itself.
      try await stack.sql(
        """
        INSERT INTO tollgate.degraded_charges (operation_id, gate, user_id, feature, kind, tokens, on_expire,
          state, budget)
        SELECT operation_id, 'g', user_id, 'note', 'spend', 100, 'charge', 'final', '{0,0,0,0,0}'
        FROM tollgate.ledger WHERE user_id = 'lost-reply' AND kind = 'spend'
        """)
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 100)
      #expect(try await stack.budget(user).used == 100)
    }

    @Test func aPeriodThatIsOverHasNoPartInTheNext() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("month-end", plan: "free")
      try await stack.withoutRedis {
        expectDegraded(try await stack.check(user, #"{"feature":"note"}"#))
        let hold = try await stack.check(user, #"{"feature":"note","mode":"reserve","ttl_s":1}"#)
        expectDegraded(hold)
        try await stack.sql(
          """
          UPDATE tollgate.degraded_charges SET at = now() - interval '40 days',
            expires_at = least(expires_at, now()) WHERE user_id = 'month-end'
          """)
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 200)
      let budget = try await stack.budget(user)
      #expect(budget.used == 0)
      #expect(budget.held == 0)
      #expect(budget.adds)
    }

    @Test func whatIsNotLeftBecomesDebt() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("spent", plan: "storm")
      let most = try await stack.check(user, #"{"feature":"note","tokens":99950}"#)
      #expect(most.status == 200)
      try await stack.withoutRedis {
        expectDegraded(try await stack.check(user, #"{"feature":"note"}"#))
      }
      try await stack.waitForCharges()
      let budget = try await stack.budget(user)
      #expect(budget.debt == 50)
      #expect(budget.used == 100_050)
      #expect(budget.adds)
    }

    @Test func anAccountThatRedisLostIsLoadedFirst() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("lost-account", plan: "storm")
      #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      try await stack.waitForBooks()
      let probe = try await stack.openRedis()
      try await stack.withoutRedis {
        expectDegraded(try await stack.check(user, #"{"feature":"note"}"#))
        // Redis does this before anything else when it wakes.
        Task { try? await probe.command("FLUSHALL") }
      }
      try await stack.waitForCharges()
      #expect(try await stack.booked(user.id) == 200)
      #expect(try await stack.budget(user).used == 200)
      await probe.close()
    }
  }
}
