package import Gate

extension JSON {
  /// The numbers of one budget.
  package static func budget(_ budget: Budget) -> JSON {
    [
      "limit": .integer(budget.limit), "used": .integer(budget.used), "held": .integer(budget.held),
      "remaining": .integer(budget.remaining), "debt": .integer(budget.debt),
      "resets_at": .time(budget.resetsAt),
    ]
  }

  /// What `GET /v1/budget` tells.
  package static func report(_ report: BudgetReport) -> JSON {
    let grants = report.grants.map { grant -> JSON in
      [
        "id": .string(grant.reference.description), "kind": .string(grant.kind.rawValue),
        "tokens": .integer(grant.tokens), "remaining": .integer(grant.remaining),
        "expires_at": .time(grant.expiresAt),
      ]
    }
    let rates = report.rates.map { rate in
      Member(
        rate.name,
        [
          "limit": .integer(rate.state.limit), "window_s": .integer(rate.state.windowSeconds),
          "remaining": .integer(rate.state.remaining),
        ])
    }
    return [
      "user": .text(report.user), "tenant": .text(report.tenant), "plan": .text(report.plan),
      "status": .string(report.status), "budget": .budget(report.budget),
      "tenant_budget": report.tenantBudget.map(JSON.budget) ?? .null, "grants": .array(grants),
      "rate": .object(rates),
    ]
  }
}
