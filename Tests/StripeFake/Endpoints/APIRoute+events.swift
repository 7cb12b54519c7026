extension APIRoute {
  static let events: [APIRoute] = [
    APIRoute("GET", "/v1/events") { account, call throws(StripeFault) in
      let type = try call.parameters.text("type")
      let types = call.parameters.texts("types")
      guard types.count <= 20 else { throw StripeFault("You may list up to 20 types.", param: "types") }
      guard type == nil || types.isEmpty else {
        throw StripeFault("You may only specify one of these parameters: type, types.", param: "types")
      }
      let delivered = try call.parameters.bool("delivery_success")
      let (undelivered, rendering, oldest) = (call.undelivered, call.rendering, account.now - thirtyDays)
      let shown = account
      return try call.page(
        account.events, kind: "event", url: "/v1/events", created: \.created, id: \.id,
        where: { event in
          event.created >= oldest && (delivered.map { $0 != undelivered.contains(event.id) } ?? true)
            && (type.map { matches(event.type, $0) } ?? true)
            && (types.isEmpty || types.contains { matches(event.type, $0) })
        }, { shown.json($0, rendering, pendingWebhooks: undelivered.contains($0.id) ? 1 : 0) })
    },
    APIRoute("GET", "/v1/events/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let event = account.events[call.id] else { throw .missing("event", call.id) }
      return account.json(
        event, call.rendering, pendingWebhooks: call.undelivered.contains(event.id) ? 1 : 0)
    },
    APIRoute("GET", "/v1/account") { _, call throws(StripeFault) in
      try call.parameters.finish()
      return [
        "id": "acct_1Tollgate", "object": "account", "charges_enabled": true, "country": "US",
        "default_currency": "usd", "details_submitted": true, "payouts_enabled": true, "type": "standard",
      ]
    },
  ]

  private static let thirtyDays = 30 * BillingCalendar.day

  /// `invoice.*` stands for all of a kind.
  private static func matches(_ type: String, _ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? type.hasPrefix(pattern.dropLast()) : type == pattern
  }
}
