import Foundation
import Testing

extension FullStack {
  @Suite(.stack) struct FirstCheckTests {
    private static let members: Set = [
      "allowed", "user", "tenant", "plan", "feature", "mode", "tokens", "reservation", "budget",
    ]

    @Test func everyFieldAndHeader() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first", plan: "slow")
      let answer = try await stack.check(user, nil, [("X-Request-Id", "my-own.id:1")])
      #expect(answer.status == 200)
      #expect(answer.header("Content-Type") == "application/json")
      #expect(answer.header("X-Request-Id") == "my-own.id:1")
      let json = answer.json
      #expect(json.names == FirstCheckTests.members)
      #expect(json["allowed"] == .bool(true))
      #expect(json["user"] == .string("first"))
      #expect(json["tenant"] == .null)
      #expect(json["plan"] == .string("slow"))
      #expect(json["feature"] == .string("chat"))
      #expect(json["mode"] == .string("spend"))
      #expect(json["tokens"] == .integer(1000))
      #expect(json["reservation"] == .null)
      #expect(json["budget"].names == ["limit", "used", "held", "remaining", "debt", "resets_at"])
      let budget = answer.budget
      #expect(budget.adds)
      #expect(budget.limit == 1_000_000)
      #expect(budget.used == 1000)
      #expect(budget.held == 0)
      #expect(budget.remaining == 999_000)
      #expect(budget.debt == 0)
      #expect(try instant(budget.resetsAt) == startOfNextMonth())
      try expectRateLimits(answer, requestsLeft: 2)
      #expect(answer.header("Tollgate-User") == "first")
      #expect(answer.header("Tollgate-Plan") == "slow")
      #expect(answer.header("Tollgate-Remaining") == "999000")
      #expect(answer.header("Tollgate-Tenant") == nil)
      #expect(answer.header("Tollgate-Reservation") == nil)
    }

    private func expectRateLimits(_ answer: Answer, requestsLeft: Int) throws {
      let length = try #require(try? lengthOfMonth())
      #expect(
        answer.header("RateLimit-Policy")
          == "\"requests\";q=3;w=3600, \"budget\";q=1000000;w=\(length);tollgate-unit=\"tokens\"")
      let limit = try #require(answer.header("RateLimit"))
      let parts = limit.components(separatedBy: ";t=")
      #expect(parts.count == 3)
      #expect(limit.hasPrefix("\"requests\";r=\(requestsLeft);t="))
      #expect(parts[1].hasSuffix(", \"budget\";r=999000"))
      let seconds = try #require(Int(parts[2]))
      #expect(abs(Double(seconds) - startOfNextMonth().timeIntervalSinceNow) < 10)
    }

    @Test func aReservationIsShown() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first-hold", plan: "storm")
      let body = #"{"feature":"note","tokens":1200,"mode":"reserve","ttl_s":90}"#
      let answer = try await stack.check(user, body)
      #expect(answer.status == 200)
      #expect(answer.json["mode"] == .string("reserve"))
      #expect(answer.json["tokens"] == .integer(1200))
      let id = try #require(answer.json["reservation"]["id"].string)
      #expect(id.hasPrefix("rsv_"))
      #expect(answer.header("Tollgate-Reservation") == id)
      let expires = try instant(answer.json["reservation"]["expires_at"].string)
      #expect(abs(expires.timeIntervalSinceNow - 90) < 5)
      #expect(answer.budget.held == 1200)
      #expect(answer.budget.used == 0)
      #expect(answer.budget.remaining == 98_800)
      #expect(answer.budget.resetsAt == nil)
      #expect(answer.header("RateLimit-Policy") == "\"budget\";q=100000;tollgate-unit=\"tokens\"")
      #expect(answer.header("RateLimit") == "\"budget\";r=98800")
    }

    @Test func aPeekTakesNothing() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first-peek", plan: "storm")
      for _ in 0..<3 {
        let answer = try await stack.check(user, #"{"mode":"peek"}"#)
        #expect(answer.status == 200)
        #expect(answer.budget.remaining == 100_000)
      }
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 0)
    }

    @Test func theRestFallsByWhatWasSpent() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first-falls", plan: "storm")
      var rest: Int64 = 100_000
      for tokens: Int64 in [100, 101, 999, 100, 5000, 1234] {
        let answer = try await stack.check(user, #"{"feature":"note","tokens":\#(tokens)}"#)
        rest -= tokens
        #expect(answer.json["tokens"].integer == tokens)
        #expect(answer.budget.remaining == rest)
        #expect(answer.budget.adds)
        #expect(try await stack.budget(user).remaining == rest)
      }
      let partial = try await stack.check(user, #"{"feature":"note","tokens":200000,"partial":true}"#)
      #expect(partial.json["tokens"].integer == rest)
      #expect(partial.budget.remaining == 0)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 100_000)
    }

    @Test func gatewayHeadersStandForABody() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first-headers", plan: "storm")
      let answer = try await stack.check(
        user, nil,
        [("X-Tollgate-Feature", "note"), ("X-Tollgate-Tokens", "345"), ("X-Tollgate-Mode", "peek")])
      #expect(answer.status == 200)
      #expect(answer.json["feature"] == .string("note"))
      #expect(answer.json["tokens"] == .integer(345))
      #expect(answer.json["mode"] == .string("peek"))
    }

    @Test func budgetHasAnEntityTag() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("first-tag", plan: "storm")
      _ = try await stack.check(user, #"{"feature":"note"}"#)
      let first = try await stack.call("GET", "/v1/budget", user.credentials)
      #expect(first.status == 200)
      #expect(first.json["user"] == .string("first-tag"))
      #expect(first.json["plan"] == .string("storm"))
      #expect(first.json["status"] == .string("active"))
      #expect(first.json["tenant_budget"] == .null)
      #expect(first.budget.remaining == 99_900)
      #expect(first.json["grants"][0]["kind"] == .string("period"))
      #expect(first.json["grants"][0]["remaining"] == .integer(99_900))
      let tag = try #require(first.header("ETag"))
      let again = try await stack.call("GET", "/v1/budget", user.credentials + [("If-None-Match", tag)])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
      #expect(again.header("ETag") == tag)
      _ = try await stack.check(user, #"{"feature":"note"}"#)
      let changed = try await stack.call("GET", "/v1/budget", user.credentials + [("If-None-Match", tag)])
      #expect(changed.status == 200)
      #expect(changed.header("ETag") != tag)
    }

    // MARK: Months

    private var calendar: Calendar {
      var calendar = Calendar(identifier: .gregorian)
      calendar.timeZone = .gmt
      return calendar
    }

    private func startOfMonth() -> Date {
      calendar.date(from: calendar.dateComponents([.year, .month], from: .now)) ?? .distantPast
    }

    private func startOfNextMonth() -> Date {
      calendar.date(byAdding: .month, value: 1, to: startOfMonth()) ?? .distantPast
    }

    private func lengthOfMonth() throws -> Int { Int(startOfNextMonth().timeIntervalSince(startOfMonth())) }

    private func instant(_ text: String?) throws -> Date {
      let text = try #require(text)
      let isFractional = text.contains(".")
      return try Date.ISO8601FormatStyle(includingFractionalSeconds: isFractional).parse(text)
    }
  }
}
