internal import Gate

/// The Stripe events as they were received, and what became of them.
enum WebhookEventRoutes {
  static func all(_ hooks: ControlHooks) -> [Route] {
    var routes = [
      Route("GET", "/admin/v1/webhooks/events", .adminRead, handle: list),
      Route("GET", "/admin/v1/webhooks/events/{id}", .adminRead, handle: get),
    ]
    if let replay = hooks.replay {
      routes.append(
        Route("POST", "/admin/v1/webhooks/events/{id}/replay", .adminWrite) { exchange in
          try Fields(body: exchange.request, known: []).check()
          let id = try exchange.identifier("id")
          guard let event = try await replay(id, exchange.caller.actor) else {
            throw Problem.notFound("such event")
          }
          return .json(.event(event))
        })
    }
    return routes
  }

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(query: exchange.request, known: Fields.page.union(["status", "type"]))
    let status = fields.optional("status", .identifier)
    let type = fields.optional("type", .identifier)
    let page = fields.page()
    try fields.check()
    let events = try await exchange.control.accounts.webhookEvents(status: status, type: type, page)
    return .json(.page(events, JSON.event))
  }

  private static func get(_ exchange: Exchange) async throws -> ControlResponse {
    guard let event = try await exchange.control.accounts.webhookEvent(try exchange.identifier("id")) else {
      throw Problem.notFound("such event")
    }
    return .json(.eventWithPayload(event))
  }
}
