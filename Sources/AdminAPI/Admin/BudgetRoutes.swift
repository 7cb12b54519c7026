internal import Gate

/// What is left of an account's budget, and the reset of it.
enum BudgetRoutes {
  static let all = AccountID.Kind.allCases.flatMap { kind in
    [
      Route("GET", "/admin/v1/\(kind.rawValue)s/{id}/budget", .adminRead) { try await get($0, kind) },
      Route("POST", "/admin/v1/\(kind.rawValue)s/{id}/budget/reset", .adminWrite) {
        try await reset($0, kind)
      },
    ]
  }

  private static func get(_ exchange: Exchange, _ kind: AccountID.Kind) async throws
    -> ControlResponse
  {
    .json(.report(try await report(exchange, try exchange.account(kind))))
  }

  private static func report(_ exchange: Exchange, _ account: AccountID) async throws
    -> BudgetReport
  {
    let report =
      switch account.kind {
      case .user: try await exchange.control.budgets.report(user: account.id)
      case .tenant: try await exchange.control.budgets.report(tenant: account.id)
      }
    guard let report else { throw Problem.notFound("\(account.kind.rawValue) `\(account.id)`") }
    return report
  }

  private static func reset(_ exchange: Exchange, _ kind: AccountID.Kind) async throws
    -> ControlResponse
  {
    let account = try exchange.account(kind)
    var fields = try Fields(body: exchange.request, known: ["reason"])
    let reason = fields.optional("reason", .text(bytesMax: 500))
    try fields.check()
    let now = exchange.control.now()
    let control = exchange.control
    let rule = ResetRule(
      accounts: control.accounts, principals: control.principals, catalog: control.catalog,
      calendar: control.calendar)
    let period = try await rule.period(of: account, at: now)
    let grant = try await exchange.control.accounts.resetPeriod(
      of: account, tokens: period.tokens, start: now, end: period.end,
      reason: reason ?? "admin reset",
      actor: exchange.caller.actor)
    try await exchange.makeEffective(account)
    return .json([
      "grant": .grant(grant), "budget": .budget(try await report(exchange, account).budget),
    ])
  }
}
