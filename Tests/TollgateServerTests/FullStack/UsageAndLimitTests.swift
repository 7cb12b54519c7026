import Foundation
import Testing

extension FullStack {
  @Suite(.stack) struct UsageAndLimitTests {
    private func usage(_ body: String, _ headers: [(String, String)] = []) async throws -> Answer {
      try await Stack.here.call("POST", "/v1/usage", Stack.here.service + headers, body)
    }

    // MARK: Usage

    @Test func usageIsNeverRefused() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("user-after", plan: "storm")
      let body = #"{"user":"user-after","feature":"chat","tokens":850,"metadata":{"model":"m"}}"#
      let answer = try await usage(body)
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.json.names == ["budget"])
      #expect(answer.budget.used == 850)
      #expect(answer.budget.adds)
      let most = try await usage(#"{"user":"user-after","feature":"chat","tokens":100000}"#)
      #expect(most.status == 200)
      #expect(most.budget.used == 100_850)
      #expect(most.budget.debt == 850)
      #expect(most.budget.remaining == 0)
      #expect(most.budget.adds)
      expectProblem(try await stack.check(user), 429, "budget_exhausted")
      try await stack.waitForBooks()
      #expect(try await stack.booked("user-after") == 100_850)
      #expect(try await stack.budget(user) == most.budget)
    }

    @Test func usageOncePerIdempotencyKey() async throws {
      let stack = Stack.here
      _ = try await stack.makeUser("user-once", plan: "storm")
      let body = #"{"user":"user-once","feature":"chat","tokens":500}"#
      let key = [("Idempotency-Key", "job-1")]
      let first = try await usage(body, key)
      #expect(first.status == 200)
      #expect(first.header("Idempotency-Replayed") == nil)
      let again = try await usage(body, key)
      #expect(again.status == 200)
      #expect(again.header("Idempotency-Replayed") == "true")
      #expect(again.body == first.body)
      let other = try await usage(#"{"user":"user-once","feature":"chat","tokens":501}"#, key)
      expectProblem(other, 409, "idempotency_conflict")
      try await stack.waitForBooks()
      #expect(try await stack.booked("user-once") == 500)
    }

    @Test func usageThatIsWrong() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("user-wrong", plan: "storm")
      let bad: [(String, String?)] = [
        (#"{"user":"user-wrong","feature":"chat"}"#, "tokens"), (#"{"tokens":5}"#, "user"),
        (#"{"user":"user-wrong","tokens":5,"mode":"spend"}"#, "mode"),
        (#"{"user":"user-wrong","tokens":5,"occurred_at":5}"#, "occurred_at"),
        (#"{"user":"user-wrong","tokens":5,"occurred_at":"yesterday"}"#, "occurred_at"),
        (#"{"user":"user-wrong","tokens":5,"occurred_at":"2026-13-01T00:00:00Z"}"#, "occurred_at"),
        (#"{"user":"bad name","tokens":5}"#, "user"), (#"{"user":"","tokens":5}"#, "user"), ("", "user"),
      ]
      for (body, field) in bad {
        let answer = try await usage(body)
        expectProblem(answer, 400, "invalid_request", "\(body)")
        if let field {
          #expect(answer.json["errors"][0]["field"] == .string(field), "\(body): \(answer.text)")
        }
      }
      let good = try await usage(#"{"user":"user-wrong","tokens":5,"occurred_at":"2026-01-31T09:30:00Z"}"#)
      #expect(good.status == 200, "\(good.text)")
      expectProblem(try await usage(#"{"user":"nobody-here","tokens":5}"#), 404, "not_found")
      let own = try await stack.call("POST", "/v1/usage", user.credentials, #"{"tokens":5}"#)
      expectProblem(own, 403, "forbidden")
      #expect(try await stack.budget(user).used == 5)
    }

    // MARK: Idempotent checks

    @Test func aRetryNeverConsumesTwice() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("retry", plan: "storm")
      let body = #"{"feature":"note","tokens":700}"#
      let key = [("Idempotency-Key", "k-1")]
      let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
        for _ in 0..<20 { group.addTask { try await stack.check(user, body, key) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.allSatisfy { $0.status == 200 })
      #expect(Set(answers.map(\.body)).count == 1)
      #expect(answers.filter { $0.header("Idempotency-Replayed") == nil }.count == 1)
      #expect(try await stack.budget(user).used == 700)
      _ = try await stack.check(user, #"{"feature":"note"}"#)
      let late = try await stack.check(user, body, key)
      #expect(late.body == answers[0].body)
      #expect(late.header("Idempotency-Replayed") == "true")
      for other in [
        #"{"feature":"note","tokens":701}"#, #"{"feature":"chat","tokens":1000}"#,
        #"{"feature":"note","tokens":700,"mode":"reserve"}"#,
      ] {
        expectProblem(try await stack.check(user, other, key), 409, "idempotency_conflict")
      }
      // The key is the user's own: another user's is another.
      let friend = try await stack.makeUser("retry-friend", plan: "storm")
      let theirs = try await stack.check(friend, #"{"feature":"note","tokens":100}"#, key)
      #expect(theirs.status == 200)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 800)
    }

    @Test func aRepeatedReserveIsTheSameReservation() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("retry-hold", plan: "storm")
      let body = #"{"feature":"note","tokens":700,"mode":"reserve"}"#
      let first = try await stack.check(user, body, [("Idempotency-Key", "k")])
      let again = try await stack.check(user, body, [("Idempotency-Key", "k")])
      #expect(first.status == 200)
      #expect(again.body == first.body)
      #expect(again.header("Idempotency-Replayed") == "true")
      #expect(again.header("Tollgate-Reservation") == first.json["reservation"]["id"].string)
      #expect(try await stack.budget(user).held == 700)
    }

    // MARK: Rates

    @Test func requestsAreLimited() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("hasty", plan: "slow")
      for left in [2, 1, 0] {
        let answer = try await stack.check(user, #"{"feature":"note"}"#)
        #expect(answer.status == 200)
        #expect(answer.header("RateLimit")?.hasPrefix("\"requests\";r=\(left);t=") == true)
      }
      for _ in 0..<3 {
        let refused = try await stack.check(user, #"{"feature":"note"}"#)
        expectProblem(refused, 429, "rate_limited")
        #expect(refused.json["policy"] == .string("requests"))
        let seconds = try #require(refused.json["retry_after_s"].integer)
        #expect((1100...1200).contains(seconds))
        #expect(refused.header("Retry-After") == String(seconds))
        #expect(
          refused.header("RateLimit")?.hasPrefix("\"requests\";r=0;t=\(seconds), \"budget\";r=999700") == true
        )
        #expect(refused.header("RateLimit-Policy")?.hasPrefix("\"requests\";q=3;w=3600, ") == true)
      }
      let report = try await stack.call("GET", "/v1/budget", user.credentials)
      #expect(report.json["rate"]["requests"]["limit"] == .integer(3))
      #expect(report.json["rate"]["requests"]["window_s"] == .integer(3600))
      #expect(report.json["rate"]["requests"]["remaining"] == .integer(0))
      #expect(report.budget.used == 300)
    }

    @Test(arguments: [
      ("capped", "hourly_tokens", Int64(5000)), ("daily", "daily_tokens", 3000), ("fat", "tokens", 5000),
    ])
    func tokensAreLimited(plan: String, policy: String, most: Int64) async throws {
      let stack = Stack.here
      try await awayFromTheHour()
      let user = try await stack.makeUser("limited-\(plan)", plan: plan)
      #expect(try await stack.check(user, #"{"feature":"note","tokens":\#(most - 200)}"#).status == 200)
      let refused = try await stack.check(user, #"{"feature":"note","tokens":1000}"#)
      expectProblem(refused, 429, "rate_limited")
      #expect(refused.json["policy"] == .string(policy))
      let seconds = try #require(refused.json["retry_after_s"].integer)
      #expect((1...86_400).contains(seconds))
      #expect(refused.header("Retry-After") == String(seconds))
      #expect(try await stack.budget(user).used == most - 200)
      #expect(try await stack.check(user, #"{"feature":"note","tokens":150}"#).status == 200)
    }

    /// A calendar hour that ends within the test would start the count anew.
    private func awayFromTheHour() async throws {
      try await eventually(within: .seconds(6), "the hour is over") {
        Int(Date.now.timeIntervalSince1970) % 3600 < 3597
      }
    }

    // MARK: Who pays what

    @Test func anExtensionPaysAtLeastTheLeast() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("cheap", plan: "storm")
      for (asked, paid) in [(0, 100), (5, 100), (100, 100), (101, 101)] {
        let answer = try await stack.check(user, #"{"feature":"note","tokens":\#(asked)}"#)
        #expect(answer.json["tokens"] == .integer(Int64(paid)))
      }
      let both = stack.service + user.credentials
      for asked in [0, 5] {
        let answer = try await stack.call(
          "POST", "/v1/check", both, #"{"feature":"note","tokens":\#(asked)}"#)
        #expect(answer.status == 200)
        #expect(answer.json["tokens"] == .integer(Int64(asked)))
      }
      #expect(try await stack.budget(user).used == 406)
      let huge = try await stack.call("POST", "/v1/check", both, #"{"tokens":999999999999999}"#)
      expectProblem(huge, 429, "budget_exhausted")
      #expect(huge.json["requested"] == .integer(999_999_999_999_999))
    }

    @Test func aServiceKeyNamesItsUser() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("named", plan: "storm")
      func check(_ headers: [(String, String)], _ body: String? = nil) async throws -> Answer {
        try await stack.call("POST", "/v1/check", stack.service + headers, body)
      }
      for answer in [
        try await check([], #"{"user":"named","tokens":5}"#), try await check([("X-Tollgate-User", "named")]),
        try await check([("X-Tollgate-User", "named")], #"{"user":"named","tokens":5}"#),
        try await check(user.credentials, #"{"user":"named","tokens":5}"#),
      ] {
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json["user"] == .string("named"))
      }
      expectProblem(try await check([]), 400, "invalid_request")
      expectProblem(
        try await check([("X-Tollgate-User", "cheap")], #"{"user":"named"}"#), 400, "invalid_request")
      expectProblem(try await check([], #"{"user":"nobody-at-all"}"#), 404, "not_found")
      expectProblem(try await check(user.credentials, #"{"user":"somebody-else"}"#), 403, "forbidden")
      expectProblem(try await check(user.credentials + [("X-Tollgate-User", "x")]), 403, "forbidden")
      let dead = [("X-TLE-Token", "tle_0000000000000000000")]
      expectProblem(try await check(dead, #"{"user":"named"}"#), 401, "token_invalid")
      // Another scheme beside a token is the client's own and means nothing; alone it is no credential.
      let basic = [("Authorization", "Basic eDp5")]
      #expect(try await stack.call("POST", "/v1/check", basic + user.credentials).status == 200)
      expectProblem(try await stack.call("POST", "/v1/check", basic), 401, "token_invalid")
      let theirs = try await stack.call("GET", "/v1/budget", stack.service + [("X-Tollgate-User", "named")])
      #expect(theirs.budget == (try await stack.budget(user)))
    }
  }
}
