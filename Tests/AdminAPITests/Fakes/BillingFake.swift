import AdminAPI
import Billing
import Gate

/// Billing with a Stripe key: answers from what it was asked.
struct BillingFake: BillingEndpoints {
  func status(user: String, now: Instant) async throws(BillingFault) -> AccountBilling {
    let plan = Plan(name: "pro", rank: 1, features: ["chat"])
    let row = StoredSubscription(id: "sub_1", plan: "pro", status: "active")
    return AccountBilling(
      BillingStatusFacts(
        account: .user(user), plan: "pro", customer: nil, email: nil, seats: 1, subscriptions: [row]),
      user: user, catalog: Catalog(defaultFeature: "chat", plans: [plan], features: []), now: now)
  }
  func checkout(user: String, _ order: BillingOrder) async throws(BillingFault) -> String {
    switch order {
    case .subscriptionPrice("price_unknown", _), .topUpPrice("price_unknown", _):
      throw .invalid(field: "price", message: "is not a known price")
    case .subscriptionPrice(_, let seats), .topUpPrice(_, let seats), .plan(_, _, let seats):
      return "https://stripe.example/\(seats)"
    }
  }
  func portal(user: String, returnURL: String?) async throws(BillingFault) -> String {
    throw .refused("The user has no Stripe customer yet.")
  }
  func reactivate(user: String, now: Instant) async throws(BillingFault) -> AccountBilling {
    throw .stripe(.refused(status: 400, code: "sk_live_Secret was refused", parameter: ""))
  }
  func invoices(user: String) async throws(BillingFault) -> [InvoiceSummary] {
    [InvoiceSummary(id: "in_1", status: "paid", currency: "eur", amountDue: 1000)]
  }
  func upcoming(user: String) async throws(BillingFault) -> InvoiceSummary? { nil }
}
