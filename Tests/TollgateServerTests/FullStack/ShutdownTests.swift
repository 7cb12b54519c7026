import Glibc
import NIOCore
import TestServers
import Testing

extension FullStack {
  @Suite struct ShutdownTests {
    /// SIGTERM: nobody new comes in, who is in is answered, everything is booked, and the exit code is 0.
    @Test(.ownStack) func termDrains() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("drained", plan: "storm")
      let body = #"{"feature":"note","tokens":123}"#
      let request = Request("POST", "/v1/check", user.credentials, body)
      let idle = try await Connection.open(stack.gate.port)
      #expect(try await idle.send(request).status == 200)
      let begun = try await Connection.open(stack.gate.port)
      // Half of the body is missing when the signal comes.
      let answer = begun.start(Array(request.bytes.dropLast(10)))
      #expect(try await idle.send(request).status == 200)
      let gate = stack.gate
      gate.signal(SIGTERM)
      try await eventually(within: .seconds(3), "new connections are refused") {
        guard let late = try? await Connection.open(gate.port) else { return true }
        let ready = try? await late.send(Request("GET", "/readyz"))
        await late.close()
        return ready?.status == 503
      }
      try await begun.more(Array(request.bytes.suffix(10)))
      let answered = try await answer.get()
      #expect(answered.status == 200)
      #expect(answered.header("Connection") == "close")
      #expect(answered.budget.used == 369)
      let start = ContinuousClock.now
      #expect(try await gate.exitCode(within: .seconds(10)) == 0)
      // Nothing is left to wait for: not the drain's time limit (5 s here), nor empty rounds of the flusher.
      let took = ContinuousClock.now - start
      print("Shutdown: ended \(took) after the last answer")
      #expect(took < .milliseconds(2500))
      let probe = try await stack.openRedis()
      #expect(try await probe.command("XLEN", "tg:{0}:usage") == .integer(0))
      await probe.close()
      #expect(try await stack.booked(user.id) == 369)
      await idle.close()
      await begun.close()
    }

    /// When tokens and service keys were used last is gathered, and written at the latest now.
    @Test(.ownStack) func lastUsesAreWritten() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("used", plan: "storm")
      let keys = try await stack.admin("POST", "/admin/v1/keys", #"{"kind":"service","label":"used"}"#).json
      let idle = try await stack.admin("POST", "/admin/v1/keys", #"{"kind":"service","label":"idle"}"#).json
      let header = ("Authorization", "Bearer \(try #require(keys["key"].string))")
      #expect(try await stack.check(user).status == 200)
      for _ in 0..<3 {
        let answer = try await stack.call("POST", "/v1/check", [header], #"{"user":"used","feature":"note"}"#)
        #expect(answer.status == 200, "\(answer.text)")
      }
      stack.gate.signal(SIGTERM)
      #expect(try await stack.gate.exitCode(within: .seconds(10)) == 0)
      let used = "now() - last_used_at < interval '1 minute'"
      #expect(
        try await stack.sql("SELECT \(used) FROM tollgate.extension_tokens WHERE id = '\(user.tokenID)'")
          == "t")
      let id = keys["id"].string ?? ""
      #expect(try await stack.sql("SELECT \(used) FROM tollgate.api_keys WHERE id = '\(id)'") == "t")
      let other = idle["id"].string ?? ""
      let sql = "SELECT last_used_at IS NULL FROM tollgate.api_keys WHERE id = '\(other)'"
      #expect(try await stack.sql(sql) == "t")
    }

    /// Under load nothing that was acknowledged is lost, and all of it is booked before the process ends.
    @Test(.ownStack) func termUnderLoad() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("drained-load", plan: "storm")
      let request = Request("POST", "/v1/check", stack.service, #"{"user":"drained-load","tokens":7}"#)
      let load = SpendLoad(stack, request, tokens: 7)
      let gate = stack.gate
      let tally = try await load.run(connections: 8) {
        try await load.waitForAnswers(300)
        gate.signal(SIGTERM)
        #expect(try await gate.exitCode(within: .seconds(10)) == 0)
      }
      let booked = try await stack.booked(user.id)
      #expect((tally.acknowledged...tally.acknowledged + tally.unknown).contains(booked), "\(tally)")
      #expect(Set(tally.statuses.keys) == [200], "\(tally.statuses)")
      let probe = try await stack.openRedis()
      #expect(try await probe.command("XLEN", "tg:{0}:usage") == .integer(0))
      await probe.close()
      try await stack.startGate()
      #expect(try await stack.budget(user).used == booked)
      print("Shutdown: acknowledged \(tally.acknowledged), unknown \(tally.unknown), booked \(booked)")
    }

    /// From start to end at the highest level, with a password in each URL: none of it is in the log, and
    /// what came from callers isn't either (``Stack/close()`` looks for that).
    @Test(.ownStack) func noSecretIsLogged() async throws {
      let stack = Stack.here
      let probe = try await stack.openRedis()
      let password = "pa55-of-redis"
      try await probe.command("CONFIG", "SET", "requirepass", password)
      let postgres = stack.database.replacing("tollgate@", with: "tollgate:pa55-of-postgres@")
      try await stack.startGate([
        "TOLLGATE_LOG_LEVEL": "trace", "TOLLGATE_POSTGRES_URL": postgres,
        "TOLLGATE_REDIS_URL": stack.redis.url.replacing("redis://", with: "redis://:\(password)@"),
      ])
      let user = try await stack.makeUser("whispering", plan: "storm")
      #expect(try await stack.check(user).status == 200)
      expectProblem(try await stack.check(user, "{"), 400, "invalid_request")
      let unknown = [("X-TLE-Token", "tle_never-in-the-log-please-000")]
      expectProblem(try await stack.call("POST", "/v1/check", unknown), 401, "token_invalid")
      #expect(try await stack.webhook(#"{"id":"evt_1"}"#).status == 400)
      stack.gate.signal(SIGTERM)
      #expect(try await stack.gate.exitCode(within: .seconds(10)) == 0)
      await probe.close()
      #expect(stack.logText.contains("gate listens"))
      #expect(!stack.logText.contains("pa55-of"))
    }

    /// Without its stores it says why it doesn't start, and ends.
    @Test(.ownStack) func aRedisThatEvictsIsRefused() async throws {
      let stack = Stack.here
      let probe = try await stack.openRedis()
      try await probe.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      await probe.close()
      let failure = await #expect(throws: StackError.self) { try await stack.startGate() }
      #expect(failure?.description.contains("noeviction") == true, "\(failure?.description ?? "")")
    }
  }
}
