import TestServers
import Testing

extension FullStack {
  /// Postgres is away for a while.
  @Suite(.stack(StackOptions(ownPostgres: true))) struct PostgresOutageTests {
    @Test func checksGoOnAndTheLedgerCatchesUp() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("no-postgres", plan: "storm")
      var connections: [Connection] = []
      let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note"}"#)
      for _ in 0..<8 {
        let connection = try await Connection.open(stack.gate.port)
        #expect(try await connection.send(request).status == 200)
        connections.append(connection)
      }
      try await stack.postgres.stop()
      for connection in connections {
        for _ in 0..<25 {
          let answer = try await connection.send(request)
          #expect(answer.status == 200, "\(answer.text)")
        }
      }
      let ready = try await stack.call("GET", "/readyz")
      #expect(ready.status == 200, "\(ready.text)")
      #expect(ready.json["components"]["postgres"]["status"] == .string("down"))
      // Who this is can't be found out now: that is no 401.
      let stranger = TestUser(id: "", token: "tle_nobody-has-seen-this-token", tokenID: "")
      expectProblem(try await stack.check(stranger), 503, "store_unavailable")
      expectProblem(try await stack.admin("GET", "/admin/v1/users"), 503, "store_unavailable")
      expectProblem(try await stack.webhook(#"{"id":"evt_1"}"#), 400, "payload_invalid")
      let event = StripeEvents(user: user.id).event("evt_away", "product.created", ["id": "prod_1"])
      expectProblem(try await stack.webhook(event), 503, "store_unavailable")
      let probe = try await stack.openRedis()
      let waiting = try await probe.command("XLEN", "tg:{0}:usage")
      if case .integer(let count) = waiting { #expect(count >= 200) } else { Issue.record("\(waiting)") }
      await probe.close()

      try await stack.postgres.restart()
      let took = try await eventually(within: .seconds(15), "the ledger catches up") {
        try await stack.booked(user.id) == 208 * 100
      }
      print("PostgresOutage: the ledger had caught up \(took) after the restart")
      try await stack.waitForBooks()
      #expect(try await stack.budget(user).used == 208 * 100)
      expectProblem(try await stack.check(stranger), 401, "token_invalid")
      for connection in connections { await connection.close() }
    }
  }

  /// Clients die while Redis is asked on their behalf.
  @Suite(.stack) struct GoneClientTests {
    @Test func theGateOutlivesItsClients() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("gone", plan: "storm")
      #expect(try await stack.check(user, #"{"mode":"peek"}"#).status == 200)
      let first = Request("GET", "/livez").bytes
      let check = Request("POST", "/v1/check", user.credentials, #"{"feature":"note"}"#).bytes
      stack.redis.pause()
      do {
        for _ in 0..<16 {
          let connection = try await Connection.open(stack.gate.port, resets: true)
          // Once the first answer is here, the request behind it has been asked about.
          #expect(try await connection.send(raw: first + check).status == 200)
          await connection.close()
        }
      } catch {
        stack.redis.resume()
        throw error
      }
      stack.redis.resume()
      try await eventually(within: .seconds(10), "checks are answered again") {
        try await stack.check(user, #"{"mode":"peek"}"#).status == 200
      }
      try await stack.waitForBooks()
      #expect(try await stack.budget(user).used == (try await stack.booked(user.id)))
    }
  }

  /// Redis keeps its connections and answers nothing.
  @Suite(.stack(StackOptions(deadlineMilliseconds: 150))) struct StoppedRedisTests {
    @Test func answersComeByTheDeadline() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("stalled", plan: "storm")
      let connection = try await Connection.open(stack.gate.port)
      let request = Request("POST", "/v1/check", user.credentials, #"{"feature":"note"}"#)
      let gateway = Request("GET", "/authz/envoy/chat/x", user.credentials)
      #expect(try await connection.send(request).status == 200)
      stack.redis.pause()
      let clock = ContinuousClock()
      do {
        for asked in [request, gateway, request, request] {
          let start = clock.now
          let answer = try await connection.send(asked)
          let took = clock.now - start
          expectProblem(answer, 503, "store_unavailable")
          #expect(answer.header("Retry-After") != nil)
          // The deadline is 150 ms; the rest is for a machine that has other things to do.
          #expect(took < .milliseconds(750), "\(took)")
          print("StoppedRedis: \(answer.status) after \(took)")
        }
        try await eventually(within: .seconds(10), "the gate says that it is not ready") {
          try await stack.call("GET", "/readyz").status == 503
        }
        #expect(try await stack.call("GET", "/livez").status == 200)
      } catch {
        stack.redis.resume()
        throw error
      }
      stack.redis.resume()
      let took = try await eventually(within: .seconds(5), "checks are answered again") {
        try await connection.send(Request("POST", "/v1/check", user.credentials, #"{"mode":"peek"}"#)).status
          == 200
      }
      print("StoppedRedis: recovered \(took) after SIGCONT")
      try await eventually(within: .seconds(5), "the gate is ready again") {
        try await stack.call("GET", "/readyz").status == 200
      }
      // Redis ran what its callers had given up on: it must have refused it.
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 100)
      #expect(try await stack.budget(user).used == 100)
      await connection.close()
    }
  }
}
