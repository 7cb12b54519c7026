internal import AdminAPI
internal import Billing
internal import Gate

/// Billing's answers in the words of the API's routes.
struct BillingAdapter: BillingEndpoints {
  let service: BillingService

  func status(user: String) async throws(BillingFailure) -> BillingStatus {
    try await translating { () async throws(BillingFault) in
      BillingAdapter.status(try await service.status(user: user, now: Clock.now()))
    }
  }

  func checkout(user: String, _ order: CheckoutOrder) async throws(BillingFailure) -> String {
    let wanted: BillingOrder =
      switch order.item {
      case .plan(let plan, let interval): .plan(plan, interval: interval.rawValue, seats: order.seats)
      case .price(let price, .subscription): .subscriptionPrice(price, seats: order.seats)
      case .price(let price, .payment): .topUpPrice(price)
      }
    return try await translating { () async throws(BillingFault) in
      try await service.checkout(user: user, wanted)
    }
  }

  func portal(user: String, returnURL: String?) async throws(BillingFailure) -> String {
    try await translating { () async throws(BillingFault) in
      try await service.portal(user: user, returnURL: returnURL)
    }
  }

  func reactivate(user: String, actor: String) async throws(BillingFailure) -> BillingStatus {
    try await translating { () async throws(BillingFault) in
      BillingAdapter.status(try await service.reactivate(user: user, now: Clock.now()))
    }
  }

  func invoices(user: String) async throws(BillingFailure) -> [BillingInvoice] {
    try await translating { () async throws(BillingFault) in
      try await service.invoices(user: user).map(BillingAdapter.invoice)
    }
  }

  func upcoming(user: String) async throws(BillingFailure) -> BillingInvoice? {
    try await translating { () async throws(BillingFault) in
      try await service.upcoming(user: user).map(BillingAdapter.invoice)
    }
  }

  private func translating<Value>(
    _ body: () async throws(BillingFault) -> Value
  ) async throws(BillingFailure) -> Value {
    do {
      return try await body()
    } catch {
      switch error {
      case .notConfigured: throw .notConfigured
      case .refused(let text): throw .refused(text)
      case .invalid(let field, let message): throw .invalid(field: field, message: message)
      case .stripe(let text): throw .stripe(text)
      case .store(let error): throw .store(error)
      }
    }
  }

  private static func status(_ billing: AccountBilling) -> BillingStatus {
    BillingStatus(
      plan: billing.plan, status: billing.status, isActive: billing.isActive, seats: billing.seats,
      currentPeriodEnd: billing.currentPeriodEnd, cancelsAtPeriodEnd: billing.cancelsAtPeriodEnd,
      isPlanActive: billing.isPlanActive, planExpires: billing.planExpires,
      lockoutReason: billing.lockoutReason, stripeCustomerID: billing.stripeCustomerID,
      stripeSubscriptionID: billing.stripeSubscriptionID, priceID: billing.priceID)
  }

  private static func invoice(_ summary: InvoiceSummary) -> BillingInvoice {
    BillingInvoice(
      id: summary.id, number: summary.number, status: summary.status, currency: summary.currency,
      amountDue: summary.amountDue, amountPaid: summary.amountPaid, createdAt: summary.createdAt,
      periodStart: summary.periodStart, periodEnd: summary.periodEnd, hostedURL: summary.hostedURL,
      pdfURL: summary.pdfURL)
  }
}
