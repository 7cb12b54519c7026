internal import AdminAPI
internal import Gate

/// The extension tokens of all users: what the gate's callers come with.
enum BackendPage {
  static let all = [PageRoute("GET", "/backend", .viewer, handle: show)]

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let owner = visit.query("query").map { String($0.prefix(254)) }
    let cursor = visit.query("cursor")
    let page = try await visit.control.accounts.allTokens(owner: owner, PageRequest(cursor: cursor))
    let json = JSON.page(page) { .token($0) }
    let now = visit.now
    let rows = page.items.map { token in
      View(JSON.token(token)).with([
        "expired": .flag(token.expiresAt.map { $0 <= now } ?? false)
      ])
    }
    return visit.page(
      "Backend", "backend",
      [
        "items": .list(rows), "query": .text(owner), "is_filtered": .flag(owner != nil),
        "next": Paging.next(visit, json, "query"), "is_first": .flag(cursor == nil),
      ], section: .backend)
  }
}
