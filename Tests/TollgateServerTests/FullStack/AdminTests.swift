import Testing

extension FullStack {
  @Suite(.stack) struct AdminTests {
    private func makeKey(_ kind: String, role: String? = nil) async throws -> (
      id: String, header: (String, String)
    ) {
      let role = role.map { ",\"role\":\"\($0)\"" } ?? ""
      let answer = try await Stack.here.admin(
        "POST", "/admin/v1/keys", "{\"kind\":\"\(kind)\",\"label\":\"k\"\(role)}")
      #expect(answer.status == 201, "\(answer.text)")
      let key = try #require(answer.json["key"].string)
      #expect(key.hasPrefix(kind == "admin" ? "tga_" : "tgs_"))
      return (try #require(answer.json["id"].string), ("Authorization", "Bearer \(key)"))
    }

    @Test func aKeyIsRequired() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("not-an-admin", plan: "storm")
      for path in ["/admin/v1/users", "/admin/v1/audit", "/admin/v1/keys", "/admin/v1/users/x/budget"] {
        let missing = try await stack.admin("GET", path, headers: [])
        expectProblem(missing, 401, "token_missing")
        #expect(missing.header("WWW-Authenticate") == "Bearer realm=\"tollgate\"")
        for wrong in [
          stack.service, user.credentials, [("Authorization", "Bearer tga_00000000000000000000000000000")],
          [("Authorization", "Basic eDp5")], [("Authorization", stack.adminKey)],
        ] {
          let answer = try await stack.admin("GET", path, headers: wrong)
          #expect(answer.status == 401)
          #expect(!answer.text.contains("not-an-admin"))
        }
      }
      let twice = try await stack.admin(
        "GET", "/admin/v1/users", headers: stack.operatorKey + stack.operatorKey)
      expectProblem(twice, 400, "invalid_request")
    }

    @Test func viewersReadAndOperatorsWrite() async throws {
      let stack = Stack.here
      _ = try await stack.makeUser("viewed", plan: "storm")
      let viewer = try await makeKey("admin", role: "viewer")
      let operatorKey = try await makeKey("admin", role: "operator")
      for path in [
        "/admin/v1/users/viewed", "/admin/v1/users/viewed/budget", "/admin/v1/audit", "/admin/v1/keys",
      ] {
        #expect(try await stack.admin("GET", path, headers: [viewer.header]).status == 200)
      }
      for (method, path, body) in [
        ("PUT", "/admin/v1/users/viewed", #"{"plan":"pro"}"#),
        ("POST", "/admin/v1/users/viewed/tokens", "{}"),
        ("POST", "/admin/v1/users/viewed/budget/reset", "{}"),
        ("POST", "/admin/v1/keys", #"{"kind":"service"}"#),
        ("POST", "/admin/v1/users/viewed/grants", #"{"tokens":5}"#),
        ("DELETE", "/admin/v1/keys/\(viewer.id)", ""),
      ] {
        let answer = try await stack.admin(method, path, body.isEmpty ? nil : body, headers: [viewer.header])
        expectProblem(answer, 403, "forbidden", "\(method) \(path)")
      }
      #expect(try await stack.admin("GET", "/admin/v1/users/viewed").json["plan"] == .string("storm"))
      let put = try await stack.admin(
        "PUT", "/admin/v1/users/viewed", #"{"plan":"free"}"#, headers: [operatorKey.header])
      #expect(put.status == 200)
      let keys = try await stack.admin("GET", "/admin/v1/keys")
      for key in [viewer, operatorKey] {
        #expect(keys.json["items"].items.contains { $0["id"] == .string(key.id) })
        #expect(!keys.text.contains(key.header.1.dropFirst(7)))
        #expect(try await stack.admin("DELETE", "/admin/v1/keys/\(key.id)").status == 204)
        let after = try await stack.admin("GET", "/admin/v1/users", headers: [key.header])
        expectProblem(after, 401, "token_invalid")
      }
    }

    @Test func storedServiceKeysWorkUntilTheyAreRevoked() async throws {
      let stack = Stack.here
      _ = try await stack.makeUser("served", plan: "storm")
      let key = try await makeKey("service")
      let body = #"{"user":"served","feature":"note","tokens":1}"#
      let connection = try await Connection.open(stack.gate.port)
      let request = Request("POST", "/v1/check", [key.header], body)
      #expect(try await connection.send(request).status == 200)
      expectProblem(
        try await stack.admin("GET", "/admin/v1/users", headers: [key.header]), 401, "token_invalid")
      #expect(try await stack.admin("DELETE", "/admin/v1/keys/\(key.id)").status == 204)
      // A service key may be remembered for a second.
      let took = try await eventually(within: .seconds(2), "a revoked service key is refused") {
        try await connection.send(request).status == 401
      }
      await connection.close()
      print("Admin: a revoked service key was refused after \(took)")
    }

    @Test func unknownPlansAndTenantsAreRefused() async throws {
      let stack = Stack.here
      for (body, field) in [
        (#"{"plan":"platinum"}"#, "plan"), (#"{"tenant":"nobody"}"#, "tenant"), (#"{"email":"x"}"#, "email"),
        (#"{"plam":"pro"}"#, "plam"), (#"{"plan":5}"#, "plan"), (#"{"plan":"a b"}"#, "plan"),
      ] {
        let answer = try await stack.admin("PUT", "/admin/v1/users/strange", body)
        expectProblem(answer, 400, "invalid_request", "\(body)")
        #expect(answer.json["errors"][0]["field"] == .string(field))
      }
      expectProblem(try await stack.admin("GET", "/admin/v1/users/strange"), 404, "not_found")
      expectProblem(try await stack.admin("GET", "/admin/v1/users/strange/budget"), 404, "not_found")
      expectProblem(try await stack.admin("PUT", "/admin/v1/users/a%20b", "{}"), 400, "invalid_request")
      expectProblem(try await stack.admin("GET", "/admin/v1/users?limit=201"), 400, "invalid_request")
      expectProblem(try await stack.admin("POST", "/admin/v1/users", "{}"), 405, "method_not_allowed")
    }

    @Test func listsHavePages() async throws {
      let stack = Stack.here
      for index in 0..<5 { _ = try await stack.makeUser("paged-\(index)", plan: "few") }
      var seen: [String] = []
      var cursor: String?
      repeat {
        let more = cursor.map { "&cursor=\($0)" } ?? ""
        let page = try await stack.admin("GET", "/admin/v1/users?query=paged-&limit=2\(more)")
        #expect(page.status == 200, "\(page.text)")
        #expect(page.json["items"].items.count <= 2)
        seen += page.json["items"].items.compactMap { $0["id"].string }
        cursor = page.json["next_cursor"].string
      } while cursor != nil && seen.count < 10
      #expect(seen.sorted() == (0..<5).map { "paged-\($0)" })
    }

    @Test func everyChangeIsAudited() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("audited", plan: "free")
      _ = try await stack.admin("PUT", "/admin/v1/users/audited", #"{"plan":"storm"}"#)
      _ = try await stack.admin("POST", "/admin/v1/users/audited/grants", #"{"tokens":77,"reason":"sorry"}"#)
      _ = try await stack.admin("DELETE", "/admin/v1/tokens/\(user.tokenID)")
      let own = try await stack.admin("GET", "/admin/v1/audit?subject=user:audited")
      #expect(own.status == 200, "\(own.text)")
      #expect(own.json["items"].items.count >= 3)
      #expect(own.json["items"].items.allSatisfy { $0["actor"] == .string("key:bootstrap") })
      #expect(own.json["items"].items.contains { $0["reason"] == .string("sorry") })
      let tokens = try await stack.admin("GET", "/admin/v1/audit?subject=token:\(user.tokenID)")
      #expect(tokens.json["items"].items.contains { $0["action"] == .string("token.revoke") })
      let all = try await stack.admin("GET", "/admin/v1/audit?limit=200")
      #expect(!all.text.contains("tle_") && !all.text.contains("tgs_") && !all.text.contains("tga_"))
      await #expect(throws: (any Error).self) { try await stack.sql("DELETE FROM tollgate.audit_log") }
    }

    @Test func aResetGivesTheBudgetBackAtOnce() async throws {
      let stack = Stack.here
      for plan in ["free", "storm"] {
        let user = try await stack.makeUser("reset-\(plan)", plan: plan)
        let connection = try await Connection.open(stack.gate.port)
        let limit = Int64(plan == "free" ? 50_000 : 100_000)
        let all = Request("POST", "/v1/check", user.credentials, "{\"feature\":\"note\",\"tokens\":\(limit)}")
        #expect(try await connection.send(all).status == 200)
        expectProblem(try await connection.send(all), 429, "budget_exhausted")
        let reset = try await stack.admin(
          "POST", "/admin/v1/users/\(user.id)/budget/reset", #"{"reason":"goodwill"}"#)
        #expect(reset.status == 200, "\(reset.text)")
        #expect(reset.json["budget"]["remaining"] == .integer(limit))
        let again = try await connection.send(all)
        #expect(again.status == 200, "\(plan): \(again.text)")
        #expect(again.budget.used == limit)
        #expect(again.budget.limit == limit)
        expectProblem(try await connection.send(all), 429, "budget_exhausted")
        await connection.close()
        try await stack.waitForBooks()
        #expect(try await stack.booked(user.id) == 2 * limit)
      }
    }

    @Test func aGrantAdds() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("granted", plan: "storm")
      let all = #"{"feature":"note","tokens":100000}"#
      #expect(try await stack.check(user, all).status == 200)
      expectProblem(try await stack.check(user, #"{"feature":"note"}"#), 429, "budget_exhausted")
      let headers = stack.operatorKey + [("Idempotency-Key", "g-1")]
      let body = #"{"tokens":5000,"reason":"sorry"}"#
      let grant = try await stack.admin("POST", "/admin/v1/users/granted/grants", body, headers: headers)
      #expect(grant.status == 201, "\(grant.text)")
      let again = try await stack.admin("POST", "/admin/v1/users/granted/grants", body, headers: headers)
      #expect(again.json["id"] == grant.json["id"])
      let other = try await stack.admin(
        "POST", "/admin/v1/users/granted/grants", #"{"tokens":6}"#, headers: headers)
      expectProblem(other, 409, "idempotency_conflict")
      let answer = try await stack.check(user, #"{"feature":"note","tokens":1500}"#)
      #expect(answer.status == 200)
      #expect(answer.budget.limit == 105_000)
      #expect(answer.budget.remaining == 3500)
      let id = try #require(grant.json["id"].string)
      #expect(try await stack.admin("DELETE", "/admin/v1/users/granted/grants/\(id)").status == 204)
      let after = try await stack.budget(user)
      // What was spent of it stays in the books; the budget is that of the grants that are left.
      #expect(after.remaining == 0)
      #expect(after.limit == 100_000)
      #expect(after.adds)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 101_500)
      for bad in [
        "{}", #"{"tokens":0}"#, #"{"tokens":-5}"#, #"{"tokens":1000000000000000}"#, #"{"tokens":1.5}"#,
      ] {
        let answer = try await stack.admin("POST", "/admin/v1/users/granted/grants", bad)
        expectProblem(answer, 400, "invalid_request", "\(bad)")
      }
    }

    @Test func usageAndLedgerAreShown() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("counted", plan: "storm")
      for feature in ["note", "chat", "note"] {
        let body = #"{"feature":"\#(feature)","tokens":1000,"metadata":{"model":"a,\"b\""}}"#
        #expect(try await stack.check(user, body).status == 200)
      }
      try await stack.waitForBooks()
      let usage = try await stack.admin("GET", "/admin/v1/users/counted/usage?interval=hour&group_by=feature")
      #expect(usage.json["tokens"] == .integer(3000), "\(usage.text)")
      let sums = usage.json["items"].items.reduce(into: [:]) {
        $0[$1["feature"].string ?? "", default: 0] += $1["tokens"].integer ?? 0
      }
      #expect(sums == ["note": 2000, "chat": 1000])
      let ledger = try await stack.admin("GET", "/admin/v1/users/counted/ledger")
      let spends = ledger.json["items"].items.filter { $0["kind"] == .string("spend") }
      #expect(spends.count == 3)
      #expect(
        spends.allSatisfy { $0["tokens"] == .integer(1000) && $0["metadata"]["model"] == .string("a,\"b\"") })
      let csv = try await stack.admin(
        "GET", "/admin/v1/users/counted/ledger", headers: stack.operatorKey + [("Accept", "text/csv")])
      #expect(csv.header("Content-Type")?.hasPrefix("text/csv") == true)
      #expect(csv.text.hasPrefix("operation,at,user,tenant,feature,tokens,kind"))
      #expect(csv.text.split(separator: ",spend,").count == 4)
    }

    // MARK: Listeners

    @Test func neitherListenerAnswersForTheOther() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("between", plan: "storm")
      for path in [
        "/admin/v1/users", "/admin/v1/users/between", "/metrics", "/openapi.json", "/", "/admin/v1/keys",
      ] {
        let answer = try await stack.call("GET", path, stack.operatorKey)
        expectProblem(answer, 404, "not_found", "\(path)")
      }
      for (method, path) in [
        ("POST", "/v1/check"), ("GET", "/v1/budget"), ("GET", "/authz/envoy/chat/x"), ("POST", "/v1/usage"),
        ("POST", "/webhooks/stripe"), ("GET", "/v1/tokens"),
      ] {
        let answer = try await stack.admin(method, path, nil, headers: stack.service + user.credentials)
        expectProblem(answer, 404, "not_found", "\(path)")
      }
      #expect(try await stack.budget(user).used == 0)
    }

    @Test func healthAndMetrics() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("measured", plan: "storm")
      #expect(try await stack.check(user).status == 200)
      for answer in [
        try await stack.call("GET", "/livez"), try await stack.admin("GET", "/livez", headers: []),
      ] {
        #expect(answer.status == 200)
        #expect(answer.json == .object(["status": .string("alive")]))
      }
      let ready = try await stack.call("GET", "/readyz")
      #expect(ready.status == 200)
      #expect(ready.json["status"] == .string("ready"))
      for name in ["redis", "postgres", "stream"] {
        #expect(ready.json["components"][name]["status"] == .string("up"))
      }
      let metrics = try await stack.admin("GET", "/metrics", headers: [])
      #expect(metrics.status == 200)
      #expect(metrics.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
      let allowed = metrics.text.split(separator: "\n").first {
        $0.hasPrefix("tollgate_decisions_total{route=\"/v1/check\",outcome=\"allowed\"}")
      }
      #expect(Int(allowed?.split(separator: " ").last ?? "") ?? 0 >= 1)
      #expect(!metrics.text.contains("measured") && !metrics.text.contains("tle_"))
      let document = try await stack.admin("GET", "/openapi.json", headers: [])
      #expect(document.json["openapi"].string?.hasPrefix("3.1") == true)
    }
  }
}
