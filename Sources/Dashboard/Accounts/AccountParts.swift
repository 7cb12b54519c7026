internal import AdminAPI
internal import Gate

extension AccountID {
  /// Where its page is.
  var pagePath: String { "/\(kind.rawValue)s/\(Query.encode(id))" }
}

/// What the pages of a user and of a tenant have in common. Each part stands for itself: what can't be read
/// says so in its place.
struct AccountParts {
  let visit: Visit
  let account: AccountID

  private var kind: String { account.kind.rawValue }
  /// Where the account's page is.
  var path: String { account.pagePath }
  private static let days: Int64 = 30

  func all() async -> [String: View] {
    [
      "path": .text(path), "id": .text(account.id), "kind": .text(kind),
      "budgets": await visit.part { try await budget() },
      "usage": await visit.part { try await usage() },
      "holds": await visit.part { try await holds() },
      "ledger": await visit.part { try await ledger() },
      "audit": await visit.part { try await audit() },
    ]
  }

  private func budget() async throws(Problem) -> View {
    let report = try await visit.get("/admin/v1/\(kind)s/{id}/budget", ["id": account.id])
    let pool = report["tenant_budget"].flatMap { $0 == .null ? nil : BudgetBar.view($0, name: "pool") }
    let grants = (report["grants"] ?? .null).items.map { grant in
      View(grant).with(["period": .flag(grant["kind"]?.text == "period")])
    }
    let rates = (report["rate"]?.members ?? []).map { rate in
      View(rate.value).with(["name": .text(rate.name)])
    }
    return View(report).with([
      "own": report["budget"].map { BudgetBar.view($0, name: "own") } ?? .null,
      // A tenant's own budget is its pool.
      "pool": account.kind == .user ? pool ?? .null : .null, "grants": .list(grants), "rates": .list(rates),
      "has_rates": .flag(!rates.isEmpty),
    ])
  }

  private func usage() async throws(Problem) -> View {
    let now = visit.now
    let today = now.seconds / 86_400 * 86_400
    let from = today - (AccountParts.days - 1) * 86_400
    let series = try await visit.get(
      "/admin/v1/\(kind)s/{id}/usage", ["id": account.id],
      query: [("interval", "day"), ("from", Instant(seconds: from).rfc3339)])
    var tokens: [Int64: Int64] = [:]
    for point in series.items {
      guard let start = Instant(rfc3339: point["start"]?.text ?? "") else { continue }
      tokens[start.seconds / 86_400, default: 0] += point["tokens"]?.number ?? 0
    }
    let starts = (0..<AccountParts.days).map { Instant(seconds: from + $0 * 86_400) }
    // A correction may take back more than a day used.
    let values = starts.map { max(0, tokens[$0.seconds / 86_400] ?? 0) }
    let chart = ColumnChart(
      name: "usage", title: "Tokens per day, the last \(AccountParts.days) days", unit: "tokens",
      feet: starts.map(Wording.shortDay), labels: starts.map(Wording.day),
      series: [.init(name: "tokens", color: "c1", values: values)], breadth: .whole)
    return .object(["chart": chart.view, "total": View(series["tokens"] ?? 0)])
  }

  /// By the books, which are a moment behind the counters.
  private func holds() async throws(StoreError) -> View {
    let snapshot = try await visit.control.principals.snapshot(of: account)
    let now = visit.now
    let open = (snapshot?.holds ?? []).filter { $0.expiresAt > now }.sorted { $0.expiresAt < $1.expiresAt }
    return .object([
      "items": .list(
        open.prefix(50).map { hold in
          .object([
            "id": .text(hold.id), "feature": .text(hold.feature), "tokens": .number(hold.tokens),
            "user": .text(hold.user), "created_at": .time(hold.createdAt),
            "expires_at": .time(hold.expiresAt), "reported": .amount(hold.reported),
            "on_expire": .text(hold.onExpire == .charge ? "is charged" : "is given back"),
          ])
        }),
      "count": .number(Int64(open.count)), "is_tenant": .flag(account.kind == .tenant),
    ])
  }

  private func ledger() async throws(Problem) -> View {
    let page = try await visit.get(
      "/admin/v1/\(kind)s/{id}/ledger", ["id": account.id], query: [("limit", "10")])
    return .object([
      "items": .list(page.items.map { View($0) }), "more": .flag(page["next_cursor"]?.text != nil),
      "is_tenant": .flag(account.kind == .tenant),
    ])
  }

  private func audit() async throws(Problem) -> View {
    let page = try await visit.get(
      "/admin/v1/audit", query: [("subject", account.description), ("limit", "10")])
    return .object([
      "items": .list(page.items.map(AuditPage.row)), "more": .flag(page["next_cursor"]?.text != nil),
      "subject": .text(account.description),
    ])
  }
}
