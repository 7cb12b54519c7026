import Foundation
import Signatures
import TestServers
import Testing

extension FullStack {
  @Suite(.stack) struct ImportTests {
    private func file(_ text: String) throws -> String {
      let path = FileManager.default.temporaryDirectory.appending(path: "import-\(UUID().uuidString).csv")
        .path
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }

    private func hash(_ token: String) -> String {
      SHA256.hash(token).map { String(format: "%02x", $0) }.joined()
    }

    private func remaining(_ user: String, sourceLocation: SourceLocation = #_sourceLocation) async throws
      -> BudgetSeen
    {
      let answer = try await Stack.here.call(
        "GET", "/v1/budget", Stack.here.service + [("X-Tollgate-User", user)])
      #expect(answer.status == 200, "\(answer.text)", sourceLocation: sourceLocation)
      #expect(answer.budget.adds, "\(answer.text)", sourceLocation: sourceLocation)
      return answer.budget
    }

    @Test func usersTokensAndBudgetsComeOverOnce() async throws {
      let stack = Stack.here
      _ = try await stack.admin("PUT", "/admin/v1/tenants/imp-team", #"{"name":"Team"}"#)
      let old = try await stack.makeUser("imp-old", plan: "storm")
      // Redis knows it as it is before.
      #expect(try await stack.check(old, #"{"feature":"note","tokens":700}"#).status == 200)
      let tokens = ["tle_imported_one_0001", "tle_imported_two_0002", "tle_imported_old_0003"]
      let lines = [
        "\u{FEFF}user,email,plan,tenant,token_hash,token_label,remaining",
        "imp-1,one@example.com,storm,,\(hash(tokens[0])),\"laptop, \"\"old\"\"\",1234",
        "imp-1,,,,\\x\(hash(tokens[1])),,", "", "imp-2,,wide,imp-team,,,", "imp-3,,pro,,,,1500000",
        "imp-4,,storm,,,,0", "imp-old,old@example.com,,,\(hash(tokens[2])),,4000",
      ]
      let path = try file(lines.joined(separator: "\r\n"))
      let trial = try await stack.tollgate("import", "csv", path, "--dry-run", "--json")
      #expect(trial.status == 0, "\(trial.output) \(trial.errors)")
      #expect(trial.json["dry_run"] == .bool(true) && trial.json["users_made"] == .integer(4))
      #expect(try await stack.admin("GET", "/admin/v1/users/imp-1").status == 404)
      #expect(try await remaining("imp-old").remaining == 99_300)

      let run = try await stack.tollgate("import", "csv", path, "--json")
      #expect(run.status == 0, "\(run.output) \(run.errors)")
      for (name, count) in [
        ("lines", 6), ("users_made", 4), ("users_changed", 1), ("tokens_issued", 3), ("budgets_set", 4),
        ("unchanged", 0), ("errors_count", 0),
      ] as [(String, Int64)] { #expect(run.json[name] == .integer(count), "\(name): \(run.output)") }
      for (user, left) in [("imp-1", 1234), ("imp-3", 1_500_000), ("imp-4", 0), ("imp-old", 4000)]
        as [(String, Int64)]
      {
        #expect(try await remaining(user).remaining == left, "\(user)")
      }
      #expect(
        try await stack.admin("GET", "/admin/v1/users/imp-2").json["tenant"] == .string("imp-team"))
      // The tokens work, and take from what was left.
      for token in tokens[...1] {
        let answer = try await stack.call(
          "POST", "/v1/check", [("X-TLE-Token", token)], #"{"feature":"note","tokens":100}"#)
        #expect(answer.status == 200, "\(answer.text)")
      }
      #expect(try await remaining("imp-1").remaining == 1034)

      let again = try await stack.tollgate("import", "csv", path, "--json")
      #expect(again.status == 0, "\(again.output) \(again.errors)")
      #expect(again.json["unchanged"] == .integer(6), "\(again.output)")
      for name in ["users_made", "users_changed", "tokens_issued", "budgets_set"] {
        #expect(again.json[name] == .integer(0), "\(again.output)")
      }
      #expect(try await remaining("imp-1").remaining == 1034)

      // What is beyond the plan's budget outlives the period.
      let grants = try await stack.admin("GET", "/admin/v1/users/imp-3/budget").json["grants"].items
      #expect(Set(grants.map { $0["tokens"] }) == [.integer(1_000_000), .integer(500_000)])
      let audit = try await stack.admin("GET", "/admin/v1/audit?subject=user:imp-old&limit=10").json["items"]
      let actions = audit.items.filter { $0["reason"] == .string("import import") }.map { $0["action"] }
      #expect(Set(actions) == [.string("user.put"), .string("budget.reset")])
      let reset = audit.items.first { $0["action"] == .string("budget.reset") }
      #expect(reset?["after"]["grants"].items.count == 1 && reset?["before"] != .null)
      // The books agree with Redis.
      try await stack.waitForBooks()
      let reconciled = try await stack.tollgate("reconcile", "--user", "imp-1")
      #expect(reconciled.status == 0, "\(reconciled.output)")
    }

    @Test func aNewNameSetsBudgetsAnewAndAnOldOneRefusesTo() async throws {
      let stack = Stack.here
      let first = try file("user,plan,remaining\nimp-cut,pro,1200000\n")
      #expect(try await stack.tollgate("import", "csv", first, "--name", "trial").status == 0)
      #expect(try await remaining("imp-cut").remaining == 1_200_000)
      let second = try file("user,remaining\nimp-cut,900\n")
      let refused = try await stack.tollgate("import", "csv", second, "--name", "trial", "--json")
      #expect(refused.status == 1)
      #expect(refused.json["errors"][0]["field"] == .string("remaining"), "\(refused.output)")
      #expect(refused.json["errors"][0]["line"] == .integer(2))
      #expect(try await remaining("imp-cut").remaining == 1_200_000)
      #expect(try await stack.tollgate("import", "csv", second, "--name", "final").status == 0)
      #expect(try await remaining("imp-cut").remaining == 900)
      // With a grant beside it, the rest is still what was said.
      let grant = try await stack.admin("POST", "/admin/v1/users/imp-cut/grants", #"{"tokens":300}"#)
      #expect(grant.status == 201)
      let third = try file("user,remaining\nimp-cut,1000\n")
      #expect(try await stack.tollgate("import", "csv", third, "--name", "third").status == 0)
      #expect(try await remaining("imp-cut").remaining == 1000)
      let less = try file("user,remaining\nimp-cut,299\n")
      let tooMuch = try await stack.tollgate("import", "csv", less, "--name", "fourth")
      #expect(tooMuch.status == 1 && tooMuch.output.contains("300 tokens left"), "\(tooMuch.output)")
      #expect(try await remaining("imp-cut").remaining == 1000)
    }

    @Test func whatIsWrongIsToldByLineAndChangesNothing() async throws {
      let stack = Stack.here
      let good = String(repeating: "ab", count: 32)
      let path = try file(
        """
        user,email,plan,tenant,token_hash,token_expires_at,remaining
        imp-good,,,,,,5
        ,,,,,,5
        imp-b1,no-address,,,,,
        imp-b2,,golden,,,,
        imp-b3,,,,tle_a_token_itself_000,,
        imp-b4,,,,,,-1
        imp-b5,,,,,,1.5
        imp-b6,,,,,2020-01-01T00:00:00Z,
        imp-b7,,,
        imp-b8,,,,\(good),,
        imp-b9,,,,\(good.uppercased()),,
        imp-good,,,,,,6
        """)
      let run = try await stack.tollgate("import", "csv", path, "--json")
      #expect(run.status == 1)
      let told = run.json["errors"].items.map { "\($0["line"].integer ?? 0) \($0["field"].string ?? "")" }
      #expect(
        told == [
          "3 user", "4 email", "5 plan", "6 token_hash", "7 remaining", "8 remaining", "9 token_expires_at",
          "10 ", "12 token_hash", "13 remaining",
        ], "\(run.output)")
      #expect(!run.output.contains("tle_a_token_itself_000"))
      #expect(run.json["imported"] == .bool(false))
      #expect(try await stack.admin("GET", "/admin/v1/users/imp-good").status == 404)
      let skipping = try await stack.tollgate("import", "csv", path, "--skip-bad", "--json")
      #expect(skipping.status == 1 && skipping.json["users_made"] == .integer(2), "\(skipping.output)")
      #expect(try await remaining("imp-good").remaining == 5)

      for (text, what) in [
        ("", "is missing"), ("name\nx\n", "names a column"), ("email\nx\n", "names no column"),
        ("user,user\n", "is named twice"), ("user\n\"imp-x\n", "never closed"), ("user\nimp\"x\n", "a quote"),
        ("user\n\"a\"b\n", "behind a closing quote"),
      ] {
        let run = try await stack.tollgate("import", "csv", try file(text), "--skip-bad")
        #expect(run.status == 1 && run.output.contains(what), "\(text): \(run.output) \(run.errors)")
      }
      #expect(try await stack.tollgate("import", "csv", "/nowhere.csv").status == 1)
      #expect(try await stack.tollgate("import", "csv").status == 2)
    }

    @Test func whatContradictsTheStoredIsLeftOut() async throws {
      let stack = Stack.here
      let other = try await stack.makeUser("imp-owner", plan: "storm")
      let path = try file(
        """
        user,plan,tenant,token_hash,remaining
        imp-c1,storm,no-such-tenant,,
        imp-c2,storm,,\(hash(other.token)),
        imp-c3,storm,,,77
        """)
      let run = try await stack.tollgate("import", "csv", path, "--json")
      #expect(run.status == 1)
      let told = run.json["errors"].items.map { "\($0["line"].integer ?? 0) \($0["field"].string ?? "")" }
      #expect(told == ["2 tenant", "3 token_hash"], "\(run.output)")
      #expect(try await remaining("imp-c3").remaining == 77)
      #expect(try await stack.admin("GET", "/admin/v1/users/imp-c2").status == 404)
      #expect(try await stack.check(other, #"{"feature":"note"}"#).status == 200)
    }

    @Test func whatIsLeftComesFromKeysOfRedis() async throws {
      let stack = Stack.here
      let known = try await stack.makeUser("imp-known", plan: "storm")
      #expect(try await stack.check(known, #"{"feature":"note","tokens":400}"#).status == 200)
      let foreign = try await RedisServer.start()
      let probes = [try await stack.openRedis(), try await RedisProbe.open(foreign.port)]
      for (index, probe) in probes.enumerated() {
        for number in 0..<1200 {
          try await probe.command("SET", "chatbot-usage:imp-r\(index)-\(number)", "\(number)")
        }
        try await probe.command("SET", "chatbot-usage:imp-r\(index)-over", "-5")
        try await probe.command("SET", "another:key", "1")
      }
      let own = try await stack.tollgate("import", "redis", "--json")
      #expect(own.status == 0, "\(own.output) \(own.errors)")
      #expect(
        own.json["budgets_set"] == .integer(1201) && own.json["overdrawn"] == .integer(1), "\(own.output)")
      // Users of other tests of this suite are Tollgate's own as well.
      #expect((own.json["skipped"].integer ?? 0) >= 1, "\(own.output)")
      #expect(try await remaining("imp-r0-1100").remaining == 1100)
      #expect(try await remaining("imp-r0-over").remaining == 0)
      #expect(try await remaining("imp-known").remaining == 99_600)
      let spend = try await stack.call(
        "POST", "/v1/check", stack.service, #"{"user":"imp-r0-1100","feature":"note","tokens":100}"#)
      #expect(spend.status == 200)
      let again = try await stack.tollgate("import", "redis", "--json")
      #expect(again.status == 0, "\(again.output) \(again.errors)")
      #expect(again.json["budgets_set"] == .integer(0), "\(again.output)")
      #expect(try await remaining("imp-r0-1100").remaining == 1000)

      let byAddress = try await stack.tollgate(
        "import", "redis", "--url", "redis://127.0.0.1:\(stack.redis.port)", "--json")
      #expect(byAddress.json["skipped"] == again.json["skipped"], "the same server by another address")
      try await probes[1].command("SET", "chatbot-usage:imp r1", "5")
      try await probes[1].command("RPUSH", "chatbot-usage:imp-list", "5")
      let bad = try await stack.tollgate("import", "redis", "--url", foreign.url, "--json")
      #expect(bad.status == 1 && bad.json["imported"] == .bool(false))
      #expect(
        Set(bad.json["errors"].items.map { $0["key"] })
          == [.string("chatbot-usage:imp r1"), .string("chatbot-usage:imp-list")], "\(bad.output)")
      let theirs = try await stack.tollgate("import", "redis", "--url", foreign.url, "--skip-bad", "--json")
      #expect(theirs.json["budgets_set"] == .integer(1201), "\(theirs.output)")
      #expect(try await remaining("imp-r1-1199").remaining == 1199)
      for probe in probes { await probe.close() }
      try await foreign.kill9()
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func shellsCompleteTheCommands(shell: String) async throws {
      let run = try await Stack.here.tollgate("completions", shell)
      #expect(run.status == 0)
      for word in ["reconcile", "import", "dry-run"] { #expect(run.output.contains(word)) }
      #expect(try await Stack.here.tollgate("completions", "tcsh").status == 2)
    }
  }
}
