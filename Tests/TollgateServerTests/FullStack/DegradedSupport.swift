import TestServers
import Testing

extension StackOptions {
  /// `note` is allowed while Redis is away, 1,000 tokens a user; `chat` is not.
  static func degraded(ownPostgres: Bool = false, tokens: Int = 1000) -> StackOptions {
    var options = StackOptions()
    options.redis = ["--appendonly", "yes", "--appendfsync", "always"]
    options.ownPostgres = ownPostgres
    options.deadlineMilliseconds = 1000
    options.changeConfig = { config in
      config
        .replacing(
          "note: {default_tokens: 100}", with: "note: {default_tokens: 100, on_store_failure: allow}"
        )
        .replacing("policies:\n", with: "policies:\n  note: {feature: note}\n")
        + "degraded: {tokens_per_user: \(tokens), wait_ms: 5000}\n"
    }
    return options
  }
}

extension Stack {
  /// Runs `body` while Redis answers nothing, then waits until it answers again.
  func withoutRedis(_ body: () async throws -> Void) async throws {
    redis.pause()
    do {
      // The circuit breakers of both loops open with the first time-outs.
      try await eventually(within: .seconds(10), "the gate knows that Redis is away") {
        try await call("GET", "/readyz").json["components"]["redis"]["status"] == .string("down")
      }
      try await body()
    } catch {
      redis.resume()
      throw error
    }
    redis.resume()
    try await waitForRedis()
  }

  func waitForRedis() async throws {
    try await eventually(within: .seconds(15), "the gate has Redis again") {
      try await call("GET", "/readyz").json["components"]["redis"]["status"] == .string("up")
    }
  }

  func owedCharges() async throws -> Int64 {
    Int64(try await sql("SELECT count(*) FROM tollgate.degraded_charges WHERE collected_at IS NULL")) ?? -1
  }

  /// Waits until everything that was allowed is charged and booked.
  func waitForCharges(within limit: Duration = .seconds(20)) async throws {
    try await eventually(within: limit, "what was allowed is charged") { try await owedCharges() == 0 }
    try await waitForBooks()
  }
}

/// Says what is wrong with an answer that should be a degraded 200.
func expectDegraded(_ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(answer.status == 200, "\(answer.text)", sourceLocation: sourceLocation)
  #expect(answer.json["degraded"] == .bool(true), "\(answer.text)", sourceLocation: sourceLocation)
  #expect(answer.header("Tollgate-Degraded") == "1", sourceLocation: sourceLocation)
  #expect(answer.budget.adds, "\(answer.text)", sourceLocation: sourceLocation)
}
