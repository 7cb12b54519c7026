internal import Gate

/// What operators look at while it runs. A route is there when the wiring gave its hook.
enum OperationsRoutes {
  static func all(_ hooks: ControlHooks) -> [Route] {
    var routes = [HealthRoutes.alive]
    if let budgets = hooks.budgets { routes.append(OperationsRoutes.budgets(budgets)) }
    if let stats = hooks.stats { routes.append(OperationsRoutes.stats(stats)) }
    if let reconcile = hooks.reconcile { routes.append(OperationsRoutes.reconcile(reconcile)) }
    if let metrics = hooks.metrics {
      routes.append(
        Route("GET", "/metrics", .open) { _ in
          let type = (name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8")
          return ControlResponse(status: 200, headers: [type], body: .bytes(Array(await metrics().utf8)))
        })
    }
    if let openAPI = hooks.openAPI {
      routes.append(
        Route("GET", "/openapi.json", .open) { _ in
          let type = (name: "Content-Type", value: "application/json")
          return ControlResponse(status: 200, headers: [type], body: .bytes(openAPI()))
        })
    }
    return routes
  }

  private static func budgets(
    _ budgets: @escaping @Sendable (BudgetsQuery, PageRequest) async throws -> Page<BudgetReport>
  ) -> Route {
    Route("GET", "/admin/v1/budgets", .adminRead) { exchange in
      var fields = try Fields(query: exchange.request, known: Fields.page.union(["order", "plan", "kind"]))
      let orders = BudgetsQuery.Order.allCases.map(\.rawValue)
      let order = fields.optional("order", .choice(orders)).flatMap(BudgetsQuery.Order.init)
      let kinds = AccountID.Kind.allCases.map(\.rawValue)
      let kind = fields.optional("kind", .choice(kinds)).flatMap(AccountID.Kind.init)
      let query = BudgetsQuery(
        order: order ?? .usedShare, plan: fields.optional("plan", .identifier), kind: kind)
      let page = fields.page()
      try fields.check()
      return .json(.page(try await budgets(query, page), JSON.report))
    }
  }

  private static func stats(_ stats: @escaping @Sendable (Int64) async throws -> JSON) -> Route {
    Route("GET", "/admin/v1/stats", .adminRead) { exchange in
      var fields = try Fields(query: exchange.request, known: ["window"])
      let window = fields.optional("window", .duration(secondsMax: 2_592_000)) ?? 3600
      if window < 60 { fields.refuse("window", "must be at least 60s") }
      try fields.check()
      return .json(try await stats(window))
    }
  }

  private static func reconcile(
    _ reconcile: @escaping @Sendable (ReconcileRequest, String) async throws -> ReconcileReport
  ) -> Route {
    Route("POST", "/admin/v1/reconcile", .adminWrite) { exchange in
      var fields = try Fields(body: exchange.request, known: ["user", "tenant", "mend", "after"])
      let user = fields.optional("user", .identifier)
      let tenant = fields.optional("tenant", .identifier)
      let mends = fields.optional("mend", .flag) ?? true
      let after = fields.optional("after", .account)
      if user != nil, tenant != nil { fields.refuse("tenant", "can't be given with user") }
      let account = user.map(AccountID.user) ?? tenant.map(AccountID.tenant)
      if account != nil, after != nil { fields.refuse("after", "can't be given with one account") }
      try fields.check()
      let report = try await reconcile(
        ReconcileRequest(account: account, mends: mends, after: after), exchange.caller.actor)
      return .json(.reconciliation(report))
    }
  }
}
