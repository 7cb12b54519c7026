import Testing

/// A user with a token, as the admin API made them.
struct TestUser: Sendable {
  var id: String
  var token: String
  var tokenID: String

  var credentials: [(String, String)] { [("X-TLE-Token", token)] }
}

extension Stack {
  var service: [(String, String)] { [("Authorization", "Bearer \(serviceKey)")] }
  var operatorKey: [(String, String)] { [("Authorization", "Bearer \(adminKey)")] }

  /// One request to the gate's listener, over a connection of its own.
  func call(
    _ method: String, _ path: String, _ headers: [(String, String)] = [], _ body: String? = nil
  ) async throws -> Answer {
    try await Connection.once(Request(method, path, headers, body), port: gate.port)
  }

  func check(_ user: TestUser, _ body: String? = nil, _ headers: [(String, String)] = []) async throws
    -> Answer
  {
    try await call("POST", "/v1/check", user.credentials + headers, body)
  }

  /// One request to the admin listener, with the operator's key unless other headers are given.
  func admin(
    _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)]? = nil
  ) async throws -> Answer {
    try await Connection.once(Request(method, path, headers ?? operatorKey, body), port: gate.adminPort)
  }

  /// Makes a user on a plan (nil: none of its own) and issues a token, all by the admin API.
  func makeUser(
    _ id: String, plan: String? = nil, tenant: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> TestUser {
    let plan = plan.map { "\"\($0)\"" } ?? "null"
    let tenant = tenant.map { "\"\($0)\"" } ?? "null"
    let user = try await admin("PUT", "/admin/v1/users/\(id)", "{\"plan\":\(plan),\"tenant\":\(tenant)}")
    #expect(user.status == 200, "\(user.text)", sourceLocation: sourceLocation)
    let token = try await admin("POST", "/admin/v1/users/\(id)/tokens", "{}")
    #expect(token.status == 201, "\(token.text)", sourceLocation: sourceLocation)
    return TestUser(
      id: id, token: try #require(token.json["token"].string), tokenID: try #require(token.json["id"].string))
  }

  /// The user's own budget, as GET /v1/budget tells.
  func budget(_ user: TestUser) async throws -> BudgetSeen {
    let answer = try await call("GET", "/v1/budget", user.credentials)
    #expect(answer.status == 200, "\(answer.text)")
    return answer.budget
  }

  /// Waits until nothing is in the usage stream.
  func waitForBooks(within limit: Duration = .seconds(10)) async throws {
    let probe = try await openRedis()
    try await eventually(within: limit, "the stream is booked") {
      try await probe.command("XLEN", "tg:{0}:usage") == .integer(0)
    }
    await probe.close()
  }
}

/// Says what is wrong with a problem+json answer.
func expectProblem(
  _ answer: Answer, _ status: Int, _ code: String, _ what: Comment = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let json = answer.json
  #expect(answer.status == status, "\(what): \(answer.text)", sourceLocation: sourceLocation)
  #expect(json["code"].string == code, "\(what): \(answer.text)", sourceLocation: sourceLocation)
  #expect(json["status"].integer == Int64(status), "\(what)", sourceLocation: sourceLocation)
  #expect(
    answer.header("Content-Type") == "application/problem+json", "\(what)", sourceLocation: sourceLocation)
  #expect(
    json["type"].string?.hasSuffix("problems.md#\(code)") == true, "\(what)", sourceLocation: sourceLocation)
  #expect(json["title"].string?.isEmpty == false, "\(what)", sourceLocation: sourceLocation)
  #expect(json["detail"].string?.isEmpty == false, "\(what)", sourceLocation: sourceLocation)
  #expect(answer.header("X-Request-Id")?.isEmpty == false, "\(what)", sourceLocation: sourceLocation)
  if status == 401 {
    #expect(answer.header("WWW-Authenticate") != nil, "\(what)", sourceLocation: sourceLocation)
  }
}
