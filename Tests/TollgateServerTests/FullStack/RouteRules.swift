/// Who may make each call of each listener. A route that is added needs a line here: ``RouteRuleTests`` compares this
/// with docs/openapi.json, and other tests that with the routers.
enum RouteRule: Sendable, Equatable {
  /// Without a credential.
  case open
  /// An admin key that may at least read.
  case viewer
  /// An admin key that may write.
  case `operator`
  /// A service key, for a user.
  case service
  /// A user's token, or a service key for a user.
  case user
  /// As `user`, by the sub-request of a gateway, which leaves out bodies.
  case gateway

  static let admin: [String: RouteRule] = [
    "GET /admin/v1/users": .viewer,
    "GET /admin/v1/users/{id}": .viewer,
    "PUT /admin/v1/users/{id}": .operator,
    "GET /admin/v1/users/{id}/limits": .viewer,
    "PUT /admin/v1/users/{id}/limits": .operator,
    "DELETE /admin/v1/users/{id}/limits/{limit}": .operator,
    "GET /admin/v1/users/{id}/budget": .viewer,
    "POST /admin/v1/users/{id}/budget/reset": .operator,
    "POST /admin/v1/users/{id}/grants": .operator,
    "DELETE /admin/v1/users/{id}/grants/{grant}": .operator,
    "GET /admin/v1/users/{id}/usage": .viewer,
    "GET /admin/v1/users/{id}/ledger": .viewer,
    "GET /admin/v1/users/{id}/tokens": .viewer,
    "POST /admin/v1/users/{id}/tokens": .operator,
    "GET /admin/v1/tenants": .viewer,
    "GET /admin/v1/tenants/{id}": .viewer,
    "PUT /admin/v1/tenants/{id}": .operator,
    "GET /admin/v1/tenants/{id}/budget": .viewer,
    "POST /admin/v1/tenants/{id}/budget/reset": .operator,
    "POST /admin/v1/tenants/{id}/grants": .operator,
    "DELETE /admin/v1/tenants/{id}/grants/{grant}": .operator,
    "GET /admin/v1/tenants/{id}/usage": .viewer,
    "GET /admin/v1/tenants/{id}/ledger": .viewer,
    "GET /admin/v1/shadowed": .viewer,
    "POST /admin/v1/tokens/{id}/rotate": .operator,
    "DELETE /admin/v1/tokens/{id}": .operator,
    "GET /admin/v1/keys": .viewer,
    "POST /admin/v1/keys": .operator,
    "DELETE /admin/v1/keys/{id}": .operator,
    "GET /admin/v1/budgets": .viewer,
    "GET /admin/v1/webhooks/events": .viewer,
    "GET /admin/v1/webhooks/events/{id}": .viewer,
    "POST /admin/v1/webhooks/events/{id}/replay": .operator,
    "GET /admin/v1/events": .viewer,
    "GET /admin/v1/events/{id}": .viewer,
    "POST /admin/v1/events/{id}/replay": .operator,
    "GET /admin/v1/audit": .viewer,
    "GET /admin/v1/settings/billing": .viewer,
    "PUT /admin/v1/settings/billing": .operator,
    "GET /admin/v1/stats": .viewer,
    "POST /admin/v1/reconcile": .operator,
    "GET /metrics": .open,
    "GET /openapi.json": .open,
    "GET /livez": .open,
  ]

  static let gate: [String: RouteRule] = {
    var rules: [String: RouteRule] = [
      "POST /v1/check": .user,
      "POST /v1/usage": .service,
      "POST /v1/reservations/{id}/settle": .service,
      "POST /v1/reservations/{id}/extend": .service,
      "POST /v1/reservations/{id}/release": .service,
      "GET /v1/budget": .user,
      "GET /v1/tokens": .service,
      "POST /v1/tokens": .service,
      "DELETE /v1/tokens/{id}": .service,
      "GET /v1/billing/status": .user,
      "GET /v1/billing/links": .user,
      "POST /v1/billing/checkout": .user,
      "POST /v1/billing/portal": .user,
      "POST /v1/billing/reactivate": .user,
      "GET /v1/billing/invoices": .user,
      "GET /v1/billing/upcoming": .user,
      "POST /webhooks/stripe": .open,
      "GET /livez": .open,
      "GET /readyz": .open,
    ]
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
      rules["\(method) /authz/{gateway}/{policy}"] = .gateway
    }
    return rules
  }()
}
