internal import Gate

/// `/admin/v1/users`.
enum UserRoutes {
  static let all = [
    Route("GET", "/admin/v1/users", .adminRead, handle: list),
    Route("GET", "/admin/v1/users/{id}", .adminRead, handle: get),
    Route("PUT", "/admin/v1/users/{id}", .adminWrite, handle: put),
  ]

  private static func list(_ exchange: Exchange) async throws -> ControlResponse {
    let (filter, page) = try UserRoutes.filter(exchange.request)
    return .json(.page(try await exchange.control.accounts.users(filter, page), JSON.user))
  }

  /// The query of a list of users or tenants.
  static func filter(_ request: ControlRequest) throws(Problem) -> (UserFilter, PageRequest) {
    var fields = try Fields(query: request, known: Fields.page.union(["query", "plan", "status"]))
    let filter = UserFilter(
      query: fields.optional("query", .text(bytesMax: 254)), plan: fields.optional("plan", .identifier),
      status: fields.optional("status", .identifier))
    let page = fields.page()
    try fields.check()
    return (filter, page)
  }

  private static func get(_ exchange: Exchange) async throws -> ControlResponse {
    .json(.user(try await exchange.knownUser()))
  }

  private static func put(_ exchange: Exchange) async throws -> ControlResponse {
    let account = try exchange.account(.user)
    var fields = try Fields(
      body: exchange.request, known: ["email", "plan", "tenant", "stripe_customer_id"])
    var change = UserChange()
    change.email = fields.change("email", .email)
    change.plan = fields.change("plan", .identifier)
    change.tenant = fields.change("tenant", .identifier)
    change.stripeCustomerID = fields.change("stripe_customer_id", .identifier)
    fields.checkPlan(change.plan, exchange.control.catalog)
    if case .set(let tenant?) = change.tenant, try await exchange.control.accounts.tenant(tenant) == nil {
      fields.refuse("tenant", "is not a known tenant")
    }
    try fields.check()
    let user = try await exchange.control.accounts.putUser(account.id, change, actor: exchange.caller.actor)
    try await exchange.makeEffective(account)
    return .json(.user(user))
  }
}

extension Fields {
  /// A plan has to be in the config file; a typo would otherwise take everything from an account.
  mutating func checkPlan(_ plan: Change<String>, _ catalog: Catalog) {
    guard case .set(let name?) = plan, catalog.plans[name] == nil else { return }
    refuse("plan", "is not a known plan")
  }
}

extension Exchange {
  /// The user that the path names; 404 without one.
  func knownUser() async throws -> User {
    let account = try account(.user)
    guard let user = try await control.accounts.user(account.id) else {
      throw Problem.notFound("user `\(account.id)`")
    }
    return user
  }

  /// The tenant that the path names; 404 without one.
  func knownTenant() async throws -> Tenant {
    let account = try account(.tenant)
    guard let tenant = try await control.accounts.tenant(account.id) else {
      throw Problem.notFound("tenant `\(account.id)`")
    }
    return tenant
  }

  /// The account that the path names; 404 without one.
  func knownAccount(_ kind: AccountID.Kind) async throws -> AccountID {
    switch kind {
    case .user: .user(try await knownUser().id)
    case .tenant: .tenant(try await knownTenant().id)
    }
  }
}
