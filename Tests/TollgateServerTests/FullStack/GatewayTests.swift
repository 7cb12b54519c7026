import Testing

extension FullStack {
  @Suite(.stack) struct GatewayTests {
    private func ask(
      _ gateway: String, _ policy: String, _ headers: [(String, String)], method: String = "GET",
      rest: String = "/some/path?tokens=1&feature=research"
    ) async throws -> Answer {
      try await Stack.here.call(method, "/authz/\(gateway)/\(policy)\(rest)", headers)
    }

    private func expectAllowed(_ answer: Answer, _ user: TestUser, remaining: Int64, _ what: Comment) {
      #expect(answer.status == 200, what)
      #expect(answer.body.isEmpty, what)
      #expect(answer.header("Content-Length") == "0", what)
      #expect(answer.header("Tollgate-User") == user.id, what)
      #expect(answer.header("Tollgate-Plan") == "storm", what)
      #expect(answer.header("Tollgate-Remaining") == String(remaining), what)
      #expect(answer.header("Tollgate-Tenant") == nil, what)
      #expect(answer.header("X-Request-Id")?.isEmpty == false, what)
      #expect(answer.header("RateLimit") == "\"budget\";r=\(remaining)", what)
      #expect(answer.header("Location") == nil, what)
    }

    @Test(arguments: ["envoy", "traefik", "nginx", "accel"]) func allowed(gateway: String) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("allowed-\(gateway)", plan: "storm")
      var remaining: Int64 = 100_000
      for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        let answer = try await ask(gateway, "chat", user.credentials, method: method)
        remaining -= 1200
        expectAllowed(answer, user, remaining: remaining, "\(method)")
        #expect(answer.header("X-Accel-Redirect") == (gateway == "accel" ? "@backend" : nil))
      }
      for rest in ["", "/", "/%2e%2e/x", "//x"] {
        remaining -= 1200
        expectAllowed(
          try await ask(gateway, "chat", user.credentials, rest: rest), user, remaining: remaining, "\(rest)")
      }
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 100_000 - remaining)
    }

    /// Price, feature and identity come from the policy and the token alone.
    @Test(arguments: ["envoy", "traefik", "nginx", "accel"]) func whatAClientMakesUpIsIgnored(
      gateway: String
    ) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("spoofer-\(gateway)", plan: "storm")
      let spoofed = [
        ("X-Tollgate-Tokens", "0"), ("X-Tollgate-Feature", "research"), ("X-Tollgate-Mode", "peek"),
        ("X-Tollgate-User", "victim"), ("Tollgate-User", "victim"), ("Tollgate-Plan", "pro"),
        ("Tollgate-Tenant", "acme"), ("Tollgate-Remaining", "999999"), ("Tollgate-Reservation", "rsv_x"),
        ("Idempotency-Key", "always-the-same"), ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),
      ]
      for round in 1...3 {
        let answer = try await ask(gateway, "chat", user.credentials + spoofed)
        expectAllowed(answer, user, remaining: 100_000 - Int64(round) * 1200, "\(round)")
        #expect(answer.header("Tollgate-Reservation") == nil)
        #expect(answer.header("Idempotency-Replayed") == nil)
        let text = answer.headers.map(\.value).joined(separator: "\n")
        for word in ["victim", "acme", "999999", "rsv_x"] { #expect(!text.contains(word)) }
      }
    }

    /// With nginx proxying, the client's own body comes along; it is nobody's business here.
    @Test func bodiesAreNotRead() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("with-body", plan: "storm")
      for (type, body) in [
        ("application/json", "{broken"), ("image/png", "\u{1}\u{2}"),
        ("application/json", #"{"tokens":0,"user":"x"}"#),
      ] {
        let answer = try await stack.call(
          "POST", "/authz/accel/chat/v1/chat", user.credentials + [("Content-Type", type)], body)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("X-Accel-Redirect") == "@backend")
      }
      #expect(try await stack.budget(user).used == 3600)
    }

    @Test func aPolicyMayReserve() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("policy-hold", plan: "storm")
      let answer = try await ask("envoy", "hold", user.credentials)
      expectAllowed(answer, user, remaining: 99_700, "hold")
      let id = try #require(answer.header("Tollgate-Reservation"))
      let settled = try await stack.call(
        "POST", "/v1/reservations/\(id)/settle", stack.service, #"{"tokens":40}"#)
      #expect(settled.budget.used == 40)
    }

    @Test(arguments: ["envoy", "traefik", "accel"]) func denials(gateway: String) async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("denied-\(gateway)", plan: "storm")
      let plan = try await ask(gateway, "research", user.credentials)
      expectProblem(plan, 402, "plan_required")
      #expect(plan.json["required_plans"] == .array([.string("pro"), .string("team")]))
      #expect(plan.header("X-Accel-Redirect") == nil)
      #expect(plan.header("Tollgate-User") == nil)
      expectProblem(try await ask(gateway, "chat", []), 401, "token_missing")
      let unknown = [("X-TLE-Token", "tle_not-known-to-anyone-at-all")]
      expectProblem(try await ask(gateway, "chat", unknown), 401, "token_invalid")
      let twice = user.credentials + user.credentials
      expectProblem(try await ask(gateway, "chat", twice), 400, "invalid_request")
      #expect(try await stack.check(user, #"{"feature":"note","tokens":99000}"#).status == 200)
      let broke = try await ask(gateway, "chat", user.credentials)
      expectProblem(broke, 429, "budget_exhausted")
      #expect(broke.json["requested"] == .integer(1200))
      #expect(broke.json["remaining"] == .integer(1000))
      let hasty = try await stack.makeUser("hasty-\(gateway)", plan: "slow")
      for _ in 0..<3 { #expect(try await ask(gateway, "chat", hasty.credentials).status == 200) }
      let slow = try await ask(gateway, "chat", hasty.credentials)
      expectProblem(slow, 429, "rate_limited")
      #expect(slow.header("Retry-After") == slow.json["retry_after_s"].integer.map(String.init))
      #expect(slow.header("X-Accel-Redirect") == nil)
    }

    /// auth_request passes 2xx, 401 and 403 on; the rest travels in headers.
    @Test func nginxIsToldInHeaders() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("denied-nginx", plan: "slow")
      func expectMapped(_ answer: Answer, _ status: Int, _ code: String) {
        #expect(answer.status == 403, "\(answer.text)")
        #expect(answer.header("Tollgate-Status") == String(status))
        #expect(answer.header("Tollgate-Code") == code)
        #expect(answer.json["code"] == .string(code))
        #expect(answer.json["status"] == .integer(Int64(status)))
        #expect(answer.header("Content-Type") == "application/problem+json")
      }
      expectMapped(try await ask("nginx", "research", user.credentials), 402, "plan_required")
      for _ in 0..<3 { #expect(try await ask("nginx", "chat", user.credentials).status == 200) }
      let slow = try await ask("nginx", "chat", user.credentials)
      expectMapped(slow, 429, "rate_limited")
      #expect(slow.header("Retry-After") == slow.json["retry_after_s"].integer.map(String.init))
      let missing = try await ask("nginx", "chat", [])
      expectProblem(missing, 401, "token_missing")
      #expect(missing.header("WWW-Authenticate") == "TLE-Token realm=\"tollgate\"")
      expectMapped(
        try await ask("nginx", "chat", user.credentials + user.credentials), 400, "invalid_request")
    }

    @Test func unknownPoliciesAndGateways() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("astray", plan: "storm")
      for (gateway, policy) in [
        ("envoy", "nope"), ("haproxy", "chat"), ("envoy", ""), ("", "chat"), ("Envoy", "chat"),
      ] {
        let answer = try await ask(gateway, policy, user.credentials)
        expectProblem(answer, 404, "not_found", "\(gateway)/\(policy)")
        #expect(answer.header("X-Accel-Redirect") == nil)
      }
      expectProblem(try await stack.call("GET", "/authz/", user.credentials), 404, "not_found")
      #expect(try await stack.budget(user).used == 0)
    }
  }
}
