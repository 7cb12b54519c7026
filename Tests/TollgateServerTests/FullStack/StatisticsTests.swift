import Glibc
import Testing

extension FullStack {
  /// What operators look at: decisions, latency, who is close to the limit.
  @Suite(.stack) struct StatisticsTests {
    private func stats(_ window: String = "15m") async throws -> JSONValue {
      let answer = try await Stack.here.admin("GET", "/admin/v1/stats?window=\(window)")
      #expect(answer.status == 200, "\(answer.text)")
      return answer.json
    }

    /// What was decided is told at once, and still when the gate that decided it is gone.
    @Test func decisionsOfAllGatesAreTold() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("told", plan: "storm")
      let broke = try await stack.makeUser("broke-again", plan: "slow")
      for _ in 0..<20 { #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200) }
      for index in 0..<8 {
        #expect(try await stack.check(broke, #"{"feature":"note"}"#).status == (index < 3 ? 200 : 429))
      }
      expectProblem(try await stack.check(user, #"{"feature":"research"}"#), 402, "plan_required")
      #expect(try await stack.call("POST", "/v1/check", [("X-TLE-Token", "tle_x")]).status == 401)
      let report = #"{"user":"told","feature":"note","tokens":5}"#
      #expect(try await stack.call("POST", "/v1/usage", stack.service, report).status == 200)
      try await stack.waitForBooks()

      for round in 0..<2 {
        let seen = try await stats()
        #expect(seen["window_s"].integer == 900)
        let decisions = seen["decisions"]
        #expect(decisions["allowed"].integer == 23, "round \(round): \(seen)")
        #expect(decisions["rate_limited"].integer == 5 && decisions["plan_required"].integer == 1)
        #expect(decisions["token_invalid"].integer == 1 && decisions["store_unavailable"].integer == 0)
        #expect(seen["routes"]["/v1/check"].integer == 30 && seen["routes"]["/v1/usage"].integer == 1)
        #expect(seen["latency_ms"]["count"].integer == 30)
        let percentiles = ["p50", "p90", "p99", "p99_9"].map { name -> Double in
          if case .number(let value) = seen["latency_ms"][name] { return value }
          return Double(seen["latency_ms"][name].integer ?? -1)
        }
        #expect(percentiles[0] > 0 && percentiles == percentiles.sorted() && percentiles[3] < 60_000)
        #expect(seen["top_users"]["by_tokens"][0]["user"].string == "told")
        #expect(seen["top_users"]["by_tokens"][0]["tokens"].integer == 2005)
        #expect(seen["top_users"]["by_denials"][0]["user"].string == "broke-again")
        #expect(seen["top_users"]["by_denials"][0]["denials"].integer == 5)
        #expect(
          seen["ledger"]["stream_entries"].integer == 0 && seen["ledger"]["outbox_pending"].integer == 0)
        #expect(seen["webhooks"]["unmatched"].integer == 0 && seen["drift"]["accounts"].integer == 0)
        let series = seen["series"]
        #expect(series["step_s"].integer == 60 && (15...17).contains(series["items"].items.count))
        #expect(series["items"].items.reduce(0) { $0 + ($1["allowed"].integer ?? 0) } == 23)
        #expect(series["items"].items.reduce(0) { $0 + ($1["denied"].integer ?? 0) } == 7)
        if round == 0 {
          // It writes what it has counted before it ends; the next one has counted nothing yet.
          stack.gate.signal(SIGTERM)
          #expect(try await stack.gate.exitCode(within: .seconds(20)) == 0)
          try await stack.startGate()
        }
      }
      for (window, step) in [("1h", 60), ("24h", 600), ("7d", 3600), ("30d", 14_400)] as [(String, Int64)] {
        let seen = try await stats(window)
        #expect(
          seen["decisions"]["allowed"].integer == 23 && seen["series"]["step_s"].integer == step, "\(window)")
      }
      try await eventually(within: .seconds(15), "the gate is known to live") {
        try await stats()["gates"]["alive"].integer ?? 0 >= 1
      }
      for window in ["59s", "31d", "x", "0h"] {
        expectProblem(
          try await stack.admin("GET", "/admin/v1/stats?window=\(window)"), 400, "invalid_request",
          "\(window)")
      }
    }

    @Test func metricsTellRoutesAndTimes() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("metered", plan: "storm")
      for _ in 0..<5 { #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200) }
      let text = try await stack.admin("GET", "/metrics", headers: []).text
      let lines = text.split(separator: "\n").map(String.init)
      func value(_ name: String) -> Double {
        lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.split(separator: " ").last ?? "") } ?? -1
      }
      let allowed = value(#"tollgate_decisions_total{route="/v1/check",outcome="allowed"}"#)
      let name = "tollgate_decision_duration_seconds"
      let check = #"route="/v1/check""#
      #expect(allowed >= 5 && value("\(name)_count{\(check)}") >= allowed)
      let buckets = lines.filter { $0.hasPrefix("\(name)_bucket{\(check)") }.compactMap {
        Double($0.split(separator: " ").last ?? "")
      }
      #expect(buckets.count == 20 && buckets == buckets.sorted())
      #expect(buckets.last == value("\(name)_count{\(check)}") && value("\(name)_sum{\(check)}") > 0)
      for gauge in [
        "tollgate_stream_entries", "tollgate_stream_pending", "tollgate_stream_age_seconds",
        "tollgate_outbox_pending", "tollgate_outbox_age_seconds", "tollgate_drift_accounts",
        #"tollgate_webhook_events{status="unmatched"}"#,
        #"tollgate_reconcile_accounts_total{result="clean"}"#,
        #"tollgate_shadow_denials_total{limit="requests"}"#,
      ] { #expect(value(gauge) >= 0, "\(gauge)") }
      // Each family is told once, with its type.
      let types = lines.filter { $0.hasPrefix("# TYPE ") }
      #expect(Set(types).count == types.count)
      let ready = try await stack.call("GET", "/readyz").json["components"]
      #expect(ready["stream"]["pending"].integer != nil && ready["postgres"]["outbox_pending"].integer != nil)
    }

    @Test func whoIsCloseToTheLimit() async throws {
      let stack = Stack.here
      _ = try await stack.admin("PUT", "/admin/v1/tenants/firm", #"{"plan":"team"}"#)
      let member = try await stack.makeUser("firm-1", tenant: "firm")
      var users: [TestUser] = []
      for index in 0..<3 { users.append(try await stack.makeUser("close-\(index)", plan: "few")) }
      for (index, user) in users.enumerated() {
        let body = #"{"feature":"note","tokens":\#((index + 1) * 25_000)}"#
        #expect(try await stack.check(user, body).status == 200)
      }
      #expect(try await stack.check(member, #"{"feature":"note","tokens":19000}"#).status == 200)
      func list(_ query: String) async throws -> JSONValue {
        let answer = try await stack.admin("GET", "/admin/v1/budgets?\(query)")
        #expect(answer.status == 200, "\(answer.text)")
        return answer.json
      }
      try await eventually(within: .seconds(10), "the list has followed the books") {
        try await list("plan=few")["items"].items.count == 3
      }
      let few = try await list("plan=few&limit=2")
      #expect(few["items"].items.map { $0["user"].string } == ["close-2", "close-1"])
      let item = few["items"][0]
      #expect(item["plan"].string == "few" && item["status"].string == "active" && item["tenant"] == .null)
      #expect(BudgetSeen(item["budget"]).adds && item["budget"]["used"].integer == 75_000)
      #expect(item["tenant_budget"] == .null && item["grants"] == .array([]))
      let cursor = try #require(few["next_cursor"].string)
      let rest = try await list("plan=few&limit=2&cursor=\(cursor)")
      #expect(rest["items"].items.map { $0["user"].string } == ["close-0"] && rest["next_cursor"] == .null)
      let least = try await list("order=remaining&plan=few")
      #expect(least["items"].items.map { $0["budget"]["remaining"].integer } == [25_000, 50_000, 75_000])
      let pools = try await list("kind=tenant")
      #expect(pools["items"].items.map { $0["tenant"].string } == ["firm"])
      #expect(pools["items"][0]["user"] == .null && pools["items"][0]["budget"]["used"].integer == 19_000)
      // The pool is closest of all; its member has no budget of their own.
      let all = try await list("order=used_share")
      #expect(all["items"][0]["tenant"].string == "firm")
      #expect(!all["items"].items.contains { $0["user"].string == "firm-1" })
      expectProblem(try await stack.admin("GET", "/admin/v1/budgets?cursor=x"), 400, "invalid_request")
    }
  }
}
