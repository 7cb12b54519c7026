internal import Billing
internal import Gate

/// `/v1/billing`: what the Billing tab of the extension shows and starts.
enum BillingRoutes {
  static let all = [
    Route("GET", "/v1/billing/status", .user, handle: status),
    Route("GET", "/v1/billing/links", .user, handle: links),
    Route("POST", "/v1/billing/checkout", .user, handle: checkout),
    Route("POST", "/v1/billing/portal", .user, handle: portal),
    Route("POST", "/v1/billing/reactivate", .user, handle: reactivate),
    Route("GET", "/v1/billing/invoices", .user, handle: invoices),
    Route("GET", "/v1/billing/upcoming", .user, handle: upcoming),
  ]

  private static func status(_ exchange: Exchange) async throws -> ControlResponse {
    let user = try await exchange.known(try exchange.user())
    return .json(.status(try await exchange.billing().status(user: user, now: exchange.control.now())))
  }

  private static func links(_ exchange: Exchange) async throws -> ControlResponse {
    _ = try exchange.user()
    return .json(.links(try await exchange.links()))
  }

  private static func checkout(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(
      body: exchange.request, known: ["user", "plan", "interval", "price", "mode", "seats"])
    let named = fields.optional("user", .identifier)
    let seats = fields.optional("seats", .integer(1...1_000_000)) ?? 1
    let order = fields.order(seats: seats, exchange.control.catalog)
    guard let order, fields.errors.isEmpty else { throw fields.problem }
    let user = try await exchange.known(try exchange.user(inBody: named))
    return .json(["url": .string(try await exchange.billing().checkout(user: user, order))])
  }

  private static func portal(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["user", "return_url"])
    let named = fields.optional("user", .identifier)
    let returnURL = fields.optional("return_url", .url())
    try fields.check()
    let user = try await exchange.known(try exchange.user(inBody: named))
    return .json(["url": .string(try await exchange.billing().portal(user: user, returnURL: returnURL))])
  }

  private static func reactivate(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(body: exchange.request, known: ["user"])
    let named = fields.optional("user", .identifier)
    try fields.check()
    let user = try await exchange.known(try exchange.user(inBody: named))
    let now = exchange.control.now()
    return .json(.status(try await exchange.billing().reactivate(user: user, now: now)))
  }

  private static func invoices(_ exchange: Exchange) async throws -> ControlResponse {
    let user = try await exchange.known(try exchange.user())
    let invoices = try await exchange.billing().invoices(user: user)
    return .json(.page(Page(items: invoices, nextCursor: nil), JSON.invoice))
  }

  private static func upcoming(_ exchange: Exchange) async throws -> ControlResponse {
    let user = try await exchange.known(try exchange.user())
    let invoice = try await exchange.billing().upcoming(user: user)
    return .json(["invoice": invoice.map(JSON.invoice) ?? .null])
  }
}

extension Fields {
  /// What `mode` of Stripe's a price is for.
  private enum Mode: String, CaseIterable { case subscription, payment }

  /// `plan` with `interval`, or `price` with `mode`: one of both.
  fileprivate mutating func order(seats: Int64, _ catalog: Catalog) -> BillingOrder? {
    let plan = optional("plan", .identifier)
    let price = optional("price", .identifier)
    let intervals = BillingOrder.Interval.allCases.map(\.rawValue)
    let interval = optional("interval", .choice(intervals)).flatMap(BillingOrder.Interval.init)
    let modes = Mode.allCases.map(\.rawValue)
    let mode = optional("mode", .choice(modes)).flatMap(Mode.init)
    switch (plan, price) {
    case (let plan?, nil):
      if mode != nil { refuse("mode", "goes with price, not with plan") }
      checkPlan(.set(plan), catalog)
      return .plan(plan, interval: interval ?? .month, seats: seats)
    case (nil, let price?):
      if interval != nil { refuse("interval", "goes with plan, not with price") }
      return mode == .payment
        ? .topUpPrice(price, quantity: seats) : .subscriptionPrice(price, seats: seats)
    case (nil, nil): if errors.isEmpty { refuse("plan", "is required, or price") }
    case (_?, _?): refuse("price", "can't be given with plan")
    }
    return nil
  }
}

extension Exchange {
  fileprivate func billing() throws(BillingFault) -> any BillingEndpoints {
    guard let billing = control.hooks.billing else { throw .notConfigured }
    return billing
  }
}
