internal import AdminAPI
internal import Gate

/// Who changed what, newest first.
enum AuditPage {
  static let all = [PageRoute("GET", "/audit", .viewer, handle: show)]

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let filters = visit.queries("actor", "action", "subject")
    let page = try await visit.get("/admin/v1/audit", query: filters + visit.queries("cursor"))
    return visit.page(
      "Audit", "audit",
      [
        "items": .list(page.items.map(row)), "actor": .text(visit.query("actor")),
        "action": .text(visit.query("action")), "subject": .text(visit.query("subject")),
        "is_filtered": .flag(!filters.isEmpty),
        "next": Paging.next(visit, page, "actor", "action", "subject"),
      ], section: .audit)
  }

  /// A line, with what it changed as lines of JSON.
  static func row(_ entry: JSON) -> View {
    func lines(_ name: String) -> View {
      guard let value = entry[name], value != .null else { return .null }
      return .text(Wording.lines(value))
    }
    let (before, after) = (lines("before"), lines("after"))
    var hasChange = true
    if case .null = before, case .null = after { hasChange = false }
    return View(entry).with([
      "before": before, "after": after, "has_change": .flag(hasChange), "link": link(entry["subject"]?.text),
    ])
  }

  /// The page of a subject, where it has one.
  private static func link(_ subject: String?) -> View {
    .text(subject.flatMap { AccountID($0)?.pagePath })
  }
}
