internal import Gate

/// For the orchestrator: does the process live, and may it have traffic.
enum HealthRoutes {
  static let alive = Route("GET", "/livez", .open) { _ in .json(["status": "alive"]) }
  static let all = [alive, Route("GET", "/readyz", .open, handle: ready)]

  private static func ready(_ exchange: Exchange) async throws -> ControlResponse {
    let readiness = await exchange.control.hooks.readiness?() ?? Readiness(isReady: true)
    let components = readiness.components.map { component in
      JSON.Member(
        component.name,
        .object([JSON.Member("status", component.isUp ? "up" : "down")] + component.details))
    }
    let body: JSON = [
      "status": readiness.isReady ? "ready" : "unready", "components": .object(components),
    ]
    return .json(body, status: readiness.isReady ? 200 : 503)
  }
}
