internal import AdminAPI
internal import Gate

/// Every booked entry of an account, by pages and as an export.
enum LedgerPages {
  static let all = AccountID.Kind.allCases.flatMap { kind in
    [
      PageRoute("GET", "/\(kind.rawValue)s/{id}/ledger", .viewer) { try await show($0, kind) },
      PageRoute("GET", "/\(kind.rawValue)s/{id}/ledger.csv", .viewer) { try await export($0, kind) },
    ]
  }

  private static func show(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let parts = AccountParts(visit: visit, account: AccountID(kind, try visit.name("id")))
    let page = try await visit.get(
      "/admin/v1/\(kind.rawValue)s/{id}/ledger", ["id": parts.account.id],
      query: [("limit", "50")] + visit.queries("cursor"))
    return visit.page(
      "Ledger of \(parts.account.id)", "ledger",
      [
        "items": .list(page.items.map { View($0) }), "next": Paging.next(visit, page),
        "is_tenant": .flag(kind == .tenant), "path": .text(parts.path), "id": .text(parts.account.id),
      ], section: kind == .user ? .users : .tenants)
  }

  private static func export(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let id = try visit.name("id")
    var response = try await visit.call(
      "GET", "/admin/v1/\(kind.rawValue)s/{id}/ledger", ["id": id], headers: [("Accept", "text/csv")])
    response.headers.append((name: "Content-Disposition", value: "attachment; filename=\"ledger.csv\""))
    return response
  }
}
