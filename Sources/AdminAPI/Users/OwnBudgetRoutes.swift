internal import Gate

/// `GET /v1/budget`: the caller's own.
enum OwnBudgetRoutes {
  static let all = [Route("GET", "/v1/budget", .user, handle: get)]

  private static func get(_ exchange: Exchange) async throws -> ControlResponse {
    try Fields(query: exchange.request, known: []).check()
    let user = try exchange.user()
    guard let report = try await exchange.control.budgets.report(user: user) else {
      throw Problem.notFound("user `\(user)`")
    }
    let body = JSON.report(report)
    let tag = (name: "ETag", value: entityTag(body.bytes))
    let cache = (name: "Cache-Control", value: "private, no-cache")
    let wanted = exchange.request.values(of: "If-None-Match").joined(separator: ",")
    let tags = wanted.split(separator: ",").map { $0.filter { $0 != " " } }
    // Weak comparison, as RFC 9110 13.1.2 has it: a proxy may have marked our tag weak.
    if tags.contains(where: { $0 == "*" || $0 == tag.value || $0 == "W/\(tag.value)" }) {
      return ControlResponse(status: 304, headers: [tag, cache])
    }
    return .json(body, headers: [tag, cache])
  }

  /// FNV-1a of the body, 64 bits: equal bodies have equal tags on every gate.
  private static func entityTag(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return "\"\(String(hash, radix: 16))\""
  }
}
