internal import AdminAPI
internal import Gate

/// The events that are sent to the targets of the config, how each delivery stands, and the replay.
enum EventPages {
  static let all =
    [
      PageRoute("GET", "/events", .viewer, handle: list),
      PageRoute("GET", "/events/{id}", .viewer, handle: show),
    ] + PageRoute.action("/events/{id}/replay", form: replayForm, do: replay)

  private static func list(_ visit: Visit) async throws -> ControlResponse {
    let filters = visit.queries("status", "type", "account")
    let page = try await visit.get("/admin/v1/events", query: filters + visit.queries("cursor"))
    return visit.page(
      "Events", "events",
      [
        "items": .list(page.items.map(row)), "type": .text(visit.query("type")),
        "account": .text(visit.query("account")),
        "statuses": Choices.view(
          EventRecord.Status.allCases.map(\.rawValue), current: visit.query("status")),
        "is_filtered": .flag(!filters.isEmpty),
        "next": Paging.next(visit, page, "status", "type", "account"),
        "has_targets": .flag(!targets(visit).isEmpty),
      ], section: .events)
  }

  private static func row(_ event: JSON) -> View {
    View(event).with(["tone": .text(tone(event["status"]?.text)), "about": about(event)])
  }

  /// The page of the account that an event is of.
  private static func about(_ event: JSON) -> View {
    guard let account = event["account"]?.text.flatMap({ AccountID($0) }) else { return .null }
    return .object(["name": .text(account.id), "path": .text(account.pagePath)])
  }

  private static func tone(_ status: String?) -> String {
    switch status {
    case "delivered": "good"
    case "failed": "bad"
    case "pending": "warn"
    default: "muted"
    }
  }

  private static func targets(_ visit: Visit) -> [EventTarget] { visit.control.hooks.events?.targets ?? [] }

  private static func event(_ visit: Visit) async throws(Problem) -> JSON {
    try await visit.get("/admin/v1/events/{id}", ["id": try visit.name("id")])
  }

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let event = try await event(visit)
    let deliveries = (event["deliveries"] ?? .null).items.map { delivery in
      View(delivery).with(["tone": .text(tone(delivery["status"]?.text))])
    }
    return visit.page(
      try visit.name("id"), "event",
      [
        "event": row(event).with(["data": .null]), "deliveries": .list(deliveries),
        "payload": .text(Wording.lines(event["data"] ?? .null)),
        "may_replay": .flag(visit.mayWrite && !targets(visit).isEmpty),
      ], section: .events)
  }

  private static func replayForm(_ visit: Visit) async throws -> ActionForm {
    let event = try await event(visit)
    let id = try visit.name("id")
    let type = event["type"]?.text ?? ""
    let taking = targets(visit).filter { $0.takes(type) }.map(\.name)
    return ActionForm(
      title: "Send \(id) again", section: .events,
      says: [
        "The \(type) event is sent under its own id: a target that had it already can tell.",
        taking.isEmpty
          ? "No target of the config takes this type; choose the one that is to have it all the same."
          : "Without a target it goes to all that take its type: \(taking.joined(separator: ", ")).",
      ],
      fields: [
        .init(
          name: "target", label: "Target", kind: .choice(targets(visit).map(\.name)),
          isRequired: taking.isEmpty)
      ], button: "Send event", back: "/events/\(Query.encode(id))")
  }

  private static func replay(_ visit: Visit) async throws -> ControlResponse {
    let id = try visit.name("id")
    try await visit.write(
      "POST", "/admin/v1/events/{id}/replay", ["id": id], visit.form.body([("target", .text)]))
    return visit.redirect(to: "/events/\(Query.encode(id))", done: .sent)
  }
}
