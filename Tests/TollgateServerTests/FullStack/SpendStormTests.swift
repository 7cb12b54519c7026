import Testing

extension FullStack {
  @Suite(.stack) struct SpendStormTests {
    @Test func concurrentSpendsNeverGrantMoreThanIsLeft() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("storm", plan: "storm")
      let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note","tokens":100}"#)
      let port = stack.gate.port
      let answers = try await withThrowingTaskGroup(of: [Answer].self) { group in
        for index in 0..<64 {
          group.addTask {
            let connection = try await Connection.open(port)
            var answers: [Answer] = []
            // 2,000 over 64 connections: 16 of them have one more.
            for _ in 0..<(index < 16 ? 32 : 31) { answers.append(try await connection.send(request)) }
            await connection.close()
            return answers
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(answers.count == 2000)
      let allowed = answers.filter { $0.status == 200 }
      let refused = answers.filter { $0.status == 429 }
      #expect(allowed.count == 1000)
      #expect(refused.count == 1000)
      #expect(refused.allSatisfy { $0.code == "budget_exhausted" })
      #expect(allowed.allSatisfy { $0.budget.adds })
      // Each spend saw a rest of its own: 99,900 down to 0.
      #expect(Set(allowed.compactMap { $0.budget.remaining }).count == 1000)

      let probe = try await stack.openRedis()
      #expect(try await probe.command("GET", "chatbot-usage:storm") == .text("0"))
      await probe.close()
      let took = try await eventually(within: .seconds(5), "the books have it all") {
        try await stack.booked("storm") == 100_000
      }
      print("SpendStorm: the books had 2,000 checks' worth after \(took)")
      let rows = try await stack.sql("SELECT count(*) FROM tollgate.usage_entries WHERE user_id = 'storm'")
      #expect(rows == "1000")
    }

    /// Redis knows none of these users when their first checks come, all at once: each is loaded from the
    /// books while checks of the same user are answered, and no load may bring back what was spent meanwhile.
    @Test func manyFirstChecksAtOnce() async throws {
      let stack = Stack.here
      var users: [TestUser] = []
      for index in 0..<10 { users.append(try await stack.makeUser("cold-\(index)", plan: "storm")) }
      let port = stack.gate.port
      for round in 1...3 {
        try await stack.waitForBooks()
        let probe = try await stack.openRedis()
        try await probe.command("FLUSHALL")
        await probe.close()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<40 {
            group.addTask { [users] in
              let connection = try await Connection.open(port)
              for user in users + users {
                let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note"}"#)
                #expect(try await connection.send(request).status == 200)
              }
              await connection.close()
            }
          }
          try await group.waitForAll()
        }
        for user in users {
          #expect(try await stack.budget(user).used == Int64(round * 8000), "round \(round)")
        }
      }
      try await stack.waitForBooks()
      for user in users { #expect(try await stack.booked(user.id) == 24_000) }
    }

    @Test func aDenialSaysWhatIsMissing() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("broke", plan: "storm")
      let most = try await stack.check(user, #"{"feature":"note","tokens":99950}"#)
      #expect(most.status == 200)
      let refused = try await stack.check(user, #"{"feature":"note","tokens":100}"#)
      expectProblem(refused, 429, "budget_exhausted")
      #expect(refused.json["scope"] == .string("user"))
      #expect(refused.json["requested"] == .integer(100))
      #expect(refused.json["remaining"] == .integer(50))
      #expect(refused.json["resets_at"] == .null)
      #expect(refused.json["upgrade_url"] == .string("https://app.example.com/upgrade"))
      // No reset is scheduled: there is nothing to wait for.
      #expect(refused.header("Retry-After") == nil)
      #expect(refused.header("RateLimit") == "\"budget\";r=50")
      #expect(refused.header("RateLimit-Policy") == "\"budget\";q=100000;tollgate-unit=\"tokens\"")
    }

    /// A check on a warm cache is one FCALL. MONITOR tells top-level commands from those of scripts.
    @Test func steadyStateIsOneRoundTrip() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("steady", plan: "storm")
      let connection = try await Connection.open(stack.gate.port)
      let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note"}"#)
      for _ in 0..<5 { #expect(try await connection.send(request).status == 200) }
      try await stack.waitForBooks()

      let probe = try await stack.openRedis()
      let monitor = try await stack.openRedis()
      try await monitor.command("MONITOR")
      try await probe.command("CONFIG", "RESETSTAT")
      for _ in 0..<100 { #expect(try await connection.send(request).status == 200) }
      let stats = try await probe.command("INFO", "commandstats").string ?? ""
      try await probe.command("ECHO", "the-end")
      try await eventually(within: .seconds(5), "MONITOR has caught up") {
        monitor.told.contains { $0.contains("the-end") }
      }
      let lines = monitor.told.compactMap(MonitorLine.init)
      for probe in [probe, monitor] { await probe.close() }
      await connection.close()

      // The flusher's connection and the probe's are not the checks'; pings are the connections' own.
      let others = Set(lines.filter { ["xreadgroup", "info", "echo"].contains($0.command) }.map(\.client))
      let own = lines.filter { !others.contains($0.client) && $0.command != "ping" && $0.client != "lua" }
      #expect(own.count == 100, "\(own.map(\.command))")
      #expect(own.allSatisfy { $0.command == "fcall" })
      #expect(Set(own.map(\.client)).count == 1)
      // Redis' own count says the same: 100, and one for each batch that the flusher acknowledged.
      let acknowledged = lines.filter { others.contains($0.client) && $0.command == "fcall" }.count
      let calls = stats.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_fcall:calls=") }
      let count = calls?.dropFirst("cmdstat_fcall:calls=".count).prefix { $0.isNumber }
      let counted = count.flatMap { Int($0) } ?? 0
      #expect(
        (100...100 + acknowledged).contains(counted), "\(counted), of them acknowledged: \(acknowledged)")
      #expect(acknowledged < 100)
    }

    /// `1700000000.123456 [0 127.0.0.1:5] "FCALL" …`, or `[0 lua]` for what a script did.
    private struct MonitorLine {
      var client: String
      var command: String

      init?(_ text: String) {
        guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]") else {
          return nil
        }
        client = String(text[open..<close].split(separator: " ").last ?? "")
        let words = text[close...].split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count > 1 else { return nil }
        command = words[1].lowercased()
      }
    }
  }
}
