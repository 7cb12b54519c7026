import Signatures
import Testing

extension FullStack {
  @Suite(.stack) struct RevocationTests {
    /// How long a plain SQL change may take to reach a gate.
    private static let bound = Duration.seconds(1)
    private static let body = #"{"feature":"note"}"#

    /// Connections that have all been answered 200 with this token: every event loop's cache knows it.
    private func warm(_ user: TestUser, count: Int = 8) async throws -> [Connection] {
      var connections: [Connection] = []
      for _ in 0..<count {
        let connection = try await Connection.open(Stack.here.gate.port)
        let answer = try await connection.send(Request("POST", "/v1/check", user.credentials, Self.body))
        #expect(answer.status == 200)
        connections.append(connection)
      }
      return connections
    }

    private func check(_ connections: [Connection], _ user: TestUser, is status: Int) async throws {
      for connection in connections {
        let answer = try await connection.send(Request("POST", "/v1/check", user.credentials, Self.body))
        #expect(answer.status == status)
        if status == 401 { expectProblem(answer, 401, "token_invalid") }
        await connection.close()
      }
    }

    @Test func plainDeleteRevokes() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("revoked-by-sql", plan: "storm")
      let connections = try await warm(user)
      try await stack.sql("DELETE FROM tollgate.extension_tokens WHERE user_id = '\(user.id)'")
      let took = try await eventually(within: Self.bound, "a deleted token is refused") {
        try await stack.check(user, Self.body).status == 401
      }
      print("Revocation: refused \(took) after the DELETE returned")
      try await check(connections, user, is: 401)
    }

    @Test func plainDeleteOfTheUserRevokes() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("deleted-by-sql", plan: "storm")
      let connections = try await warm(user)
      try await stack.sql("DELETE FROM tollgate.users WHERE id = '\(user.id)'")
      try await eventually(within: Self.bound, "a deleted user's token is refused") {
        try await stack.check(user, Self.body).status == 401
      }
      try await check(connections, user, is: 401)
    }

    @Test func theVeryNextCheckAfterTheAPIRevoked() async throws {
      let stack = Stack.here
      for round in 0..<5 {
        let user = try await stack.makeUser("revoked-by-api-\(round)", plan: "storm")
        let connections = try await warm(user)
        let before = try await stack.budget(user)
        let answer = try await stack.admin("DELETE", "/admin/v1/tokens/\(user.tokenID)")
        #expect(answer.status == 204)
        try await check(connections, user, is: 401)
        let after = try await stack.admin("GET", "/admin/v1/users/\(user.id)/budget")
        #expect(after.budget == before)
      }
    }

    @Test func theVeryNextCheckAfterABackendRevoked() async throws {
      let stack = Stack.here
      _ = try await stack.makeUser("revoked-by-backend", plan: "storm")
      let named = stack.service + [("X-Tollgate-User", "revoked-by-backend")]
      let issued = try await stack.call("POST", "/v1/tokens", named, #"{"label":"laptop"}"#)
      #expect(issued.status == 201)
      let token = try #require(issued.json["token"].string)
      #expect(token.hasPrefix("tle_"))
      #expect(token.count == 53)
      #expect(Token.checksumIsValid(token))
      let id = try #require(issued.json["id"].string)
      let user = TestUser(id: "revoked-by-backend", token: token, tokenID: id)
      let listed = try await stack.call("GET", "/v1/tokens", named)
      #expect(
        listed.json["items"].items.contains { $0["id"] == .string(id) && $0["label"] == .string("laptop") })
      #expect(!listed.text.contains(token))
      let connections = try await warm(user)
      #expect(try await stack.call("DELETE", "/v1/tokens/\(id)", named).status == 204)
      try await check(connections, user, is: 401)
    }

    @Test func rotationEndsTheOldToken() async throws {
      let stack = Stack.here
      let old = try await stack.makeUser("rotated", plan: "storm")
      let connections = try await warm(old)
      let answer = try await stack.admin(
        "POST", "/admin/v1/tokens/\(old.tokenID)/rotate", #"{"overlap_s":0}"#)
      #expect(answer.status == 201)
      try await check(connections, old, is: 401)
      let token = try #require(answer.json["token"].string)
      let new = TestUser(id: old.id, token: token, tokenID: try #require(answer.json["id"].string))
      try await check(try await warm(new), new, is: 200)
    }

    /// Tokens that another system made and wrote, of the shortest and the longest form.
    @Test(arguments: [16, 43, 256]) func plainInsertMakesATokenValid(length: Int) async throws {
      let stack = Stack.here
      let token = "tle_" + String(repeating: "aZ0-_9xQ", count: 32).prefix(length)
      let user = TestUser(id: "inserted-\(length)", token: token, tokenID: "")
      expectProblem(try await stack.check(user, Self.body), 401, "token_invalid")
      try await insert(user)
      let took = try await eventually(within: Self.bound, "an inserted token is accepted") {
        try await stack.check(user, Self.body).status == 200
      }
      print("Revocation: accepted \(took) after the INSERT returned")
      let answer = try await stack.check(user, Self.body)
      #expect(answer.json["user"] == .string(user.id))
      #expect(answer.json["plan"] == .string("free"))
    }

    private func insert(_ user: TestUser, expires: String = "NULL") async throws {
      let hash = Hex.encode(SHA256.hash(user.token))
      try await Stack.here.sql(
        """
        INSERT INTO tollgate.extension_tokens (user_id, token_hash, expires_at)
        VALUES ('\(user.id)', '\\x\(hash)', \(expires))
        """)
    }

    @Test func expiredTokensAreRefused() async throws {
      let stack = Stack.here
      let past = TestUser(id: "expired", token: "tle_expired-long-ago-000000", tokenID: "")
      try await insert(past, expires: "now() - interval '1 second'")
      expectProblem(try await stack.check(past, Self.body), 401, "token_invalid")

      let soon = TestUser(id: "expiring", token: "tle_expires-in-a-moment-000", tokenID: "")
      try await insert(soon, expires: "now() + interval '1500 milliseconds'")
      let connections = try await warm(soon, count: 4)
      try await eventually(within: .seconds(4), "an expired token is refused") {
        try await stack.check(soon, Self.body).status == 401
      }
      // The other loops' clocks run by the same Redis.
      for connection in connections {
        try await eventually(within: .milliseconds(250), "an expired token is refused on every loop") {
          try await connection.send(Request("POST", "/v1/check", soon.credentials, Self.body)).status == 401
        }
        await connection.close()
      }
    }

    @Test func badTokensAllLookAlike() async throws {
      let stack = Stack.here
      let missing = try await stack.call("POST", "/v1/check")
      expectProblem(missing, 401, "token_missing")
      #expect(missing.header("WWW-Authenticate") == "TLE-Token realm=\"tollgate\"")
      let bad = [
        "tle_", "tle_short", "x", "tle_" + String(repeating: "a", count: 257), "tle_aaaaaaaaaaaaaaaa",
        "tgs_aaaaaaaaaaaaaaaaaaaa", "tle_aaaaaaaaaaaaaaa!aaaaa", Token.make(prefix: .extension),
      ]
      var details: Set<JSONValue> = []
      for token in bad {
        let answer = try await stack.call("POST", "/v1/check", [("X-TLE-Token", token)])
        expectProblem(answer, 401, "token_invalid", "\(token)")
        #expect(answer.header("WWW-Authenticate") == "TLE-Token realm=\"tollgate\"")
        #expect(!answer.text.contains(token) || token.count < 5)
        details.insert(answer.json["detail"])
      }
      #expect(details.count == 1)
    }

    @Test func planChangesCountAtOnce() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("promoted", plan: "free")
      let connection = try await Connection.open(stack.gate.port)
      let research = Request("POST", "/v1/check", user.credentials, #"{"feature":"research","tokens":5000}"#)
      expectProblem(try await connection.send(research), 402, "plan_required")
      for (plan, status) in [("team", 200), ("free", 402), ("team", 200), ("storm", 402)] {
        let put = try await stack.admin("PUT", "/admin/v1/users/\(user.id)", "{\"plan\":\"\(plan)\"}")
        #expect(put.status == 200)
        let answer = try await connection.send(research)
        #expect(answer.status == status, "\(plan): \(answer.text)")
      }
      try await stack.sql("UPDATE tollgate.users SET plan = 'team' WHERE id = '\(user.id)'")
      try await eventually(within: Self.bound, "a plan that plain SQL set counts") {
        try await connection.send(research).status == 200
      }
      await connection.close()
    }
  }
}
