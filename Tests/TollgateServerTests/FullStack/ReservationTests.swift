import Testing

extension FullStack {
  @Suite(.stack) struct ReservationTests {
    /// Holds so many tokens; the reservation's id.
    private func reserve(
      _ user: TestUser, _ tokens: Int64, ttl: Int = 600, feature: String = "note"
    ) async throws -> String {
      let body = #"{"feature":"\#(feature)","tokens":\#(tokens),"mode":"reserve","ttl_s":\#(ttl)}"#
      let answer = try await Stack.here.check(user, body)
      #expect(answer.status == 200, "\(answer.text)")
      return try #require(answer.json["reservation"]["id"].string)
    }

    private func act(_ id: String, _ action: String, _ body: String? = nil) async throws -> Answer {
      try await Stack.here.call("POST", "/v1/reservations/\(id)/\(action)", Stack.here.service, body)
    }

    /// Less, as much and more than was held.
    @Test(arguments: [Int64(0), 1, 850, 1200, 5000]) func settleBooksWhatWasUsed(tokens: Int64) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("settle-\(tokens)", plan: "storm")
      let id = try await reserve(user, 1200)
      let body = #"{"tokens":\#(tokens),"outcome":"completed","metadata":{"model":"m"}}"#
      let answer = try await act(id, "settle", body)
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.json.names == ["reservation", "state", "reserved", "tokens", "budget"])
      #expect(answer.json["reservation"] == .string(id))
      #expect(answer.json["state"] == .string("settled"))
      #expect(answer.json["reserved"] == .integer(1200))
      #expect(answer.json["tokens"] == .integer(tokens))
      #expect(answer.budget.used == tokens)
      #expect(answer.budget.held == 0)
      #expect(answer.budget.adds)
      #expect(try await act(id, "settle", body).body == answer.body)
      let other = try await act(id, "settle", #"{"tokens":\#(tokens + 1)}"#)
      expectProblem(other, 409, "reservation_finalized")
      #expect(other.json["state"] == .string("settled"))
      #expect(other.json["tokens"] == .integer(tokens))
      for action in ["release", "extend"] {
        let late = try await act(id, action, action == "extend" ? #"{"tokens":5}"# : nil)
        expectProblem(late, 409, "reservation_finalized")
        #expect(late.json["tokens"] == .integer(tokens))
      }
      #expect(try await stack.budget(user).used == tokens)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == tokens)
    }

    @Test func whatIsNotLeftBecomesDebt() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("debtor", plan: "storm")
      let id = try await reserve(user, 1000)
      #expect(try await stack.check(user, #"{"feature":"note","tokens":98000}"#).status == 200)
      let answer = try await act(id, "settle", #"{"tokens":6000}"#)
      #expect(answer.status == 200)
      #expect(answer.budget.used == 104_000)
      #expect(answer.budget.debt == 4000)
      #expect(answer.budget.remaining == 0)
      #expect(answer.budget.adds)
      expectProblem(try await stack.check(user, #"{"feature":"note"}"#), 429, "budget_exhausted")
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 104_000)
      // A grant pays the debt first.
      let grant = try await stack.admin("POST", "/admin/v1/users/debtor/grants", #"{"tokens":5000}"#)
      #expect(grant.status == 201)
      let paid = try await stack.budget(user)
      #expect(paid.debt == 0)
      #expect(paid.remaining == 1000)
      #expect(paid.adds)
    }

    @Test func releaseGivesEverythingBack() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("releaser", plan: "storm")
      let id = try await reserve(user, 1200)
      #expect(try await stack.budget(user).held == 1200)
      let answer = try await act(id, "release")
      #expect(answer.status == 200)
      #expect(answer.json["state"] == .string("released"))
      #expect(answer.budget.remaining == 100_000)
      #expect(try await act(id, "release").body == answer.body)
      let late = try await act(id, "settle", #"{"tokens":5}"#)
      expectProblem(late, 409, "reservation_finalized")
      #expect(late.json["state"] == .string("released"))
      #expect(late.json["tokens"] == .integer(0))
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 0)
    }

    @Test func extendIsANewTotalOrNothing() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("extender", plan: "storm")
      let id = try await reserve(user, 1200)
      let more = try await act(id, "extend", #"{"tokens":2000,"ttl_s":300}"#)
      #expect(more.status == 200, "\(more.text)")
      #expect(more.budget.held == 2000)
      #expect(more.budget.adds)
      let less = try await act(id, "extend", #"{"tokens":500}"#)
      #expect(less.budget.held == 500)
      let before = try await stack.budget(user)
      let refused = try await act(id, "extend", #"{"tokens":100001}"#)
      expectProblem(refused, 429, "budget_exhausted")
      #expect(try await stack.budget(user) == before)
      #expect(try await act(id, "settle", #"{"tokens":499}"#).budget.used == 499)
      expectProblem(try await act(id, "extend", "{}"), 400, "invalid_request")
    }

    @Test func unknownReservations() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("unknown-hold", plan: "storm")
      let id = try await reserve(user, 100)
      let changed =
        "rsv_" + String(id.dropFirst(4).prefix(15)) + (id.dropFirst(19).first == "A" ? "B" : "A")
        + id.dropFirst(20)
      let ids = [
        "rsv_x", "x", "rsv_", changed, "rsv_0123456789abcdef_bm9ib2R5", String(repeating: "r", count: 500),
      ]
      for unknown in ids {
        for (action, body) in [("settle", #"{"tokens":5}"#), ("release", nil), ("extend", #"{"tokens":5}"#)] {
          expectProblem(try await act(unknown, action, body), 404, "reservation_unknown", "\(unknown)")
        }
      }
      expectProblem(try await act(id, "finish"), 404, "not_found")
      expectProblem(try await stack.call("GET", "/v1/reservations/\(id)/settle"), 405, "method_not_allowed")
      for body in [
        "{}", #"{"tokens":-1}"#, #"{"tokens":1.5}"#, #"{"token":5}"#, #"{"tokens":1,"outcome":""}"#, "[",
      ] {
        expectProblem(try await act(id, "settle", body), 400, "invalid_request", "\(body)")
      }
      #expect(try await stack.budget(user).held == 100)
    }

    @Test func anExtensionTokenMayNotSettle() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("not-trusted", plan: "storm")
      let id = try await reserve(user, 300)
      for (action, body) in [("settle", #"{"tokens":0}"#), ("release", nil), ("extend", #"{"tokens":0}"#)] {
        let path = "/v1/reservations/\(id)/\(action)"
        let answer = try await stack.call("POST", path, user.credentials, body)
        expectProblem(answer, 403, "forbidden", "\(action)")
        expectProblem(try await stack.call("POST", path, [], body), 401, "token_missing")
        let wrong = [("Authorization", "Bearer tgs_aaaaaaaaaaaaaaaaaaaaaaaaaa")]
        expectProblem(try await stack.call("POST", path, wrong, body), 401, "token_invalid")
      }
      // A backend that passes the user's token on may.
      let both = stack.service + user.credentials
      let settled = try await stack.call("POST", "/v1/reservations/\(id)/settle", both, #"{"tokens":10}"#)
      #expect(settled.status == 200)
      #expect(settled.budget.used == 10)
    }

    /// A hold that nobody settled is charged when it expires (`note`) or given back (`gone`); a settle that
    /// comes after it corrects the books, once.
    @Test(arguments: [("note", Int64(300)), ("gone", 0)]) func expiry(feature: String, charged: Int64)
      async throws
    {
      let stack = Stack.here
      let user = try await stack.makeUser("expired-\(feature)", plan: "storm")
      let id = try await reserve(user, 300, ttl: 1, feature: feature)
      #expect(try await stack.budget(user).held == 300)
      try await eventually(within: .seconds(4), "the hold expires") { try await stack.budget(user).held == 0 }
      #expect(try await stack.budget(user).used == charged)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == charged)
      for _ in 0..<2 {
        let late = try await act(id, "settle", #"{"tokens":120}"#)
        #expect(late.status == 200, "\(late.text)")
        #expect(late.json["tokens"] == .integer(120))
        #expect(late.budget.used == 120)
        #expect(late.budget.adds)
      }
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 120)
      expectProblem(try await act(id, "settle", #"{"tokens":121}"#), 409, "reservation_finalized")
    }

    @Test func concurrencyIsLimited() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("two-at-once", plan: "few")
      let first = try await reserve(user, 100)
      _ = try await reserve(user, 100)
      let refused = try await stack.check(user, #"{"feature":"note","mode":"reserve"}"#)
      expectProblem(refused, 429, "concurrency_limited")
      #expect(refused.json["limit"] == .integer(2))
      #expect(Int(refused.header("Retry-After") ?? "") ?? 0 >= 1)
      #expect(refused.header("RateLimit")?.contains("\"budget\";r=99800") == true)
      #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      #expect(try await act(first, "release").status == 200)
      _ = try await reserve(user, 100)
      let short = try await stack.makeUser("two-for-a-second", plan: "few")
      for _ in 0..<2 { _ = try await reserve(short, 100, ttl: 1) }
      try await eventually(within: .seconds(4), "expired holds stop counting") {
        try await stack.check(short, #"{"feature":"note","mode":"reserve"}"#).status == 200
      }
    }

    /// A tenant's users draw on one pool; everything that they are told is about it.
    @Test func aTenantHasAPool() async throws {
      let stack = Stack.here
      let tenant = try await stack.admin("PUT", "/admin/v1/tenants/acme", #"{"name":"Acme","plan":"team"}"#)
      #expect(tenant.status == 200, "\(tenant.text)")
      let ann = try await stack.makeUser("ann", tenant: "acme")
      let bob = try await stack.makeUser("bob", tenant: "acme")
      let first = try await stack.check(ann, #"{"feature":"note","tokens":12000}"#)
      #expect(first.status == 200, "\(first.text)")
      #expect(first.json["tenant"] == .string("acme"))
      #expect(first.json["plan"] == .string("team"))
      #expect(first.header("Tollgate-Tenant") == "acme")
      #expect(first.budget.limit == 20_000)
      #expect(first.budget.remaining == 8000)
      let id = try await reserve(bob, 5000)
      let refused = try await stack.check(ann, #"{"feature":"note","tokens":3001}"#)
      expectProblem(refused, 429, "budget_exhausted")
      #expect(refused.json["scope"] == .string("tenant"))
      #expect(refused.json["remaining"] == .integer(3000))
      let settled = try await act(id, "settle", #"{"tokens":1000}"#)
      #expect(settled.status == 200)
      #expect(settled.budget.limit == 20_000, "\(settled.text)")
      #expect(settled.budget.remaining == 7000, "\(settled.text)")
      let probe = try await stack.openRedis()
      #expect(try await probe.command("GET", "chatbot-usage:bob") == .text("7000"))
      await probe.close()
      #expect(try await stack.budget(ann).remaining == 7000)
      try await stack.waitForBooks()
      #expect(try await stack.booked("bob") == 1000)
      let sum = "SELECT sum(tokens) FROM tollgate.usage_entries WHERE tenant_id = 'acme'"
      #expect(try await stack.sql(sum) == "13000")
    }
  }
}
