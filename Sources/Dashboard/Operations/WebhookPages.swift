internal import AdminAPI
internal import Gate

/// Stripe's events as they were received, what became of them, and the replay.
enum WebhookPages {
  static let all =
    [
      PageRoute("GET", "/webhooks", .viewer, handle: list),
      PageRoute("GET", "/webhooks/{id}", .viewer, handle: show),
    ] + PageRoute.action("/webhooks/{id}/replay", form: replayForm, do: replay)

  private static let statuses = ["processed", "ignored", "unmatched", "failed"]

  private static func list(_ visit: Visit) async throws -> ControlResponse {
    let filters = visit.queries("status", "type")
    let page = try await visit.get("/admin/v1/webhooks/events", query: filters + visit.queries("cursor"))
    return visit.page(
      "Webhooks", "webhooks",
      [
        "items": .list(page.items.map(row)), "type": .text(visit.query("type")),
        "statuses": Choices.view(statuses, current: visit.query("status")),
        "is_filtered": .flag(!filters.isEmpty), "next": Paging.next(visit, page, "status", "type"),
        "is_configured": .flag(visit.control.hooks.stripeWebhook != nil),
      ], section: .webhooks)
  }

  private static func row(_ event: JSON) -> View {
    let status = event["status"]?.text
    return View(event).with(["needs_care": .flag(status == "unmatched" || status == "failed")])
  }

  private static func event(_ visit: Visit) async throws(Problem) -> JSON {
    try await visit.get("/admin/v1/webhooks/events/{id}", ["id": try visit.name("id")])
  }

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let event = try await event(visit)
    let payload = event["payload"] ?? .null
    return visit.page(
      try visit.name("id"), "webhook",
      [
        "event": row(event).with(["payload": .null]),
        "payload": .text(payload == .null ? nil : Wording.lines(payload)),
        "advice": .text(advice(event["status"]?.text)),
        "may_replay": .flag(visit.mayWrite && visit.control.hooks.replay != nil),
      ], section: .webhooks)
  }

  private static func advice(_ status: String?) -> String? {
    switch status {
    case "unmatched":
      "It is kept until what it names appears: a user or tenant with its Stripe customer, or a plan for its "
        + "price. Then it is processed by itself; or make it right and replay it."
    case "failed":
      "Stripe sends it again for some days. When what is said above is mended, it can be replayed."
    default: nil
    }
  }

  private static func replayForm(_ visit: Visit) async throws -> ActionForm {
    let event = try await event(visit)
    let id = try visit.name("id")
    return ActionForm(
      title: "Replay \(id)", section: .webhooks,
      says: [
        "The stored \(event["type"]?.text ?? "") event is processed again, as if Stripe had sent it now.",
        "What it has done already it doesn't do twice: a paid invoice resets one budget once.",
      ], button: "Replay event", back: "/webhooks/\(Query.encode(id))")
  }

  private static func replay(_ visit: Visit) async throws -> ControlResponse {
    let id = try visit.name("id")
    try await visit.write("POST", "/admin/v1/webhooks/events/{id}/replay", ["id": id])
    return visit.redirect(to: "/webhooks/\(Query.encode(id))", done: .replayed)
  }
}
