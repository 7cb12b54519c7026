internal import Gate

/// `/admin/v1/tenants`.
enum TenantRoutes {
  static let all = [
    Route("GET", "/admin/v1/tenants", .adminRead, handle: list),
    Route("GET", "/admin/v1/tenants/{id}", .adminRead, handle: get),
    Route("PUT", "/admin/v1/tenants/{id}", .adminWrite, handle: put),
  ]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    let (filter, page) = try UserRoutes.filter(exchange.request)
    return .json(.page(try await exchange.control.accounts.tenants(filter, page), JSON.tenant))
  }

  private static func get(_ exchange: Exchange) async throws -> ControlResponse {
    .json(.tenant(try await exchange.knownTenant()))
  }

  private static func put(_ exchange: Exchange) async throws -> ControlResponse {
    let account = try exchange.account(.tenant)
    var fields = try Fields(body: exchange.request, known: ["name", "plan", "seats", "stripe_customer_id"])
    var change = TenantChange()
    change.name = fields.change("name", .text(bytesMax: 200))
    change.plan = fields.change("plan", .identifier)
    change.seats = fields.change("seats", .integer(1...1_000_000))
    change.stripeCustomerID = fields.change("stripe_customer_id", .identifier)
    if change.seats == .set(nil) { fields.refuse("seats", "must be a whole number from 1 to 1000000") }
    fields.checkPlan(change.plan, exchange.control.catalog)
    try fields.check()
    let accounts = exchange.control.accounts
    let tenant = try await accounts.putTenant(account.id, change, actor: exchange.caller.actor)
    try await exchange.makeEffective(account)
    return .json(.tenant(tenant))
  }
}
