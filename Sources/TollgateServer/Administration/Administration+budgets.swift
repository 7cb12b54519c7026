internal import AdminAPI
package import Gate
internal import NIOPosix
internal import PostgresStore
internal import Settings

extension Administration {
  /// What is left, from the live counters.
  package func budget(of account: AccountID) async throws -> Answer {
    let report = try await report(account)
    return Answer(.report(report), Administration.parts(report))
  }

  /// Gives tokens by hand.
  package func grant(
    _ tokens: Int64, to account: AccountID, expiresAt: Instant?, reason: String?, idempotencyKey: String?
  ) async throws(StoreError) -> Answer {
    try await known(account)
    let asked = NewGrant(
      kind: .adjustment, tokens: tokens, expiresAt: expiresAt, reason: reason, source: "admin",
      idempotencyKey: idempotencyKey)
    let grant = try await backend.store.addGrant(to: account, asked, actor: Administration.actor)
    // The store gives the first grant of a key again. When it expires is not compared: a span such as `30d`
    // ends later each time it is said.
    guard grant.tokens == tokens else {
      throw .conflict("this idempotency key made another grant before, of \(grant.tokens) tokens")
    }
    try await makeEffective(account)
    let end = grant.expiresAt.map { "until \($0.rfc3339)" } ?? "without an end"
    return Answer(
      .grant(grant),
      [.line("\(account.kind.rawValue) \(account.id) has \(tokens) tokens more, \(end): \(grant.reference)")])
  }

  /// Begins the current period anew, with the plan's budget.
  package func reset(_ account: AccountID, reason: String?) async throws -> Answer {
    let rule = ResetRule(
      accounts: backend.store, principals: backend.store, catalog: backend.settings.catalog,
      calendar: ZonedCalendar(backend.settings.catalog))
    let now = Clock.now()
    let period = try await rule.period(of: account, at: now)
    let grant = try await backend.store.resetPeriod(
      of: account, tokens: period.tokens, start: now, end: period.end, reason: reason ?? "reset by cli",
      actor: Administration.actor)
    try await makeEffective(account)
    let report = try await report(account)
    return Answer(
      ["grant": .grant(grant), "budget": .budget(report.budget)], Administration.parts(report))
  }

  private func report(_ account: AccountID) async throws -> BudgetReport {
    let budgets = try await LiveBudgets.open(backend, on: MultiThreadedEventLoopGroup.singleton.next())
    do {
      let report = try await Administration.patiently { () async throws(StoreError) in
        switch account.kind {
        case .user: try await budgets.report(user: account.id)
        case .tenant: try await budgets.report(tenant: account.id)
        }
      }
      await budgets.close()
      guard let report else { throw StoreError.notFound("\(account.kind.rawValue) `\(account.id)`") }
      return report
    } catch {
      await budgets.close()
      throw error
    }
  }

  /// The counters answer within a check's deadline or not at all; a command has more time than a check.
  private static func patiently<Value>(
    _ ask: () async throws(StoreError) -> Value
  ) async throws -> Value {
    for _ in 0..<4 {
      do throws(StoreError) {
        return try await ask()
      } catch {
        guard case .unavailable = error else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    return try await ask()
  }

  private static func parts(_ report: BudgetReport) -> [Answer.Part] {
    var budgets: [[TextTable.Cell]] = []
    // Whoever has no budget of its own is shown the pool's in its place: once is enough.
    let isPool = report.user == nil || report.budget == report.tenantBudget
    let own: [(String, Budget?)] = [(isPool ? "pool" : "own", report.budget)]
    for (name, budget) in own + (isPool ? [] : [("pool", report.tenantBudget)]) {
      guard let budget else { continue }
      budgets.append([
        .init(name), .init(String(budget.remaining), tone: budget.remaining == 0 ? .bad : .plain),
        .init(budget.limit), .init(budget.used), .init(budget.held),
        .init(String(budget.debt), tone: budget.debt > 0 ? .warning : .plain),
        .init(budget.resetsAt?.rfc3339 ?? "never"),
      ])
    }
    var who: [(String, String?)] = [("plan", report.plan), ("status", report.status)]
    if let tenant = report.tenant { who.insert(("tenant", tenant), at: 0) }
    if let user = report.user { who.insert(("user", user), at: 0) }
    var parts: [Answer.Part] = [
      .table(TextTable(fields: who)), .line(""),
      .table(
        TextTable(
          [
            "BUDGET", .number("LEFT"), .number("LIMIT"), .number("USED"), .number("HELD"), .number("DEBT"),
            "RESETS",
          ], budgets)),
    ]
    if !report.grants.isEmpty { parts += [.line(""), .table(grants(report))] }
    if !report.rates.isEmpty { parts += [.line(""), .table(rates(report))] }
    return parts
  }

  private static func grants(_ report: BudgetReport) -> TextTable {
    TextTable(
      ["GRANT", "KIND", .number("LEFT"), .number("TOKENS"), "EXPIRES"],
      report.grants.map { grant in
        [
          .init(grant.reference.description), .init(grant.kind.rawValue), .init(grant.remaining),
          .init(grant.tokens), .init(grant.expiresAt?.rfc3339 ?? "never"),
        ]
      })
  }

  private static func rates(_ report: BudgetReport) -> TextTable {
    TextTable(
      ["RATE", .number("LEFT"), .number("LIMIT"), .number("WINDOW S")],
      report.rates.map { rate in
        [
          .init(rate.name), .init(rate.state.remaining), .init(rate.state.limit),
          .init(rate.state.windowSeconds),
        ]
      })
  }
}
