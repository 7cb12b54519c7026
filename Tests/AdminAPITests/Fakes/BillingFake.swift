import AdminAPI
import Gate

/// Billing with a Stripe key: answers from what it was asked.
struct BillingFake: BillingEndpoints {
  func status(user: String) async throws(BillingFailure) -> BillingStatus {
    BillingStatus(plan: "pro", status: "active", isActive: true, isPlanActive: true)
  }
  func checkout(user: String, _ order: CheckoutOrder) async throws(BillingFailure) -> String {
    if case .price("price_unknown", _) = order.item {
      throw .invalid(field: "price", message: "is not a known price")
    }
    return "https://stripe.example/\(order.seats)"
  }
  func portal(user: String, returnURL: String?) async throws(BillingFailure) -> String {
    throw .refused("The user has no Stripe customer yet.")
  }
  func reactivate(user: String, actor: String) async throws(BillingFailure) -> BillingStatus {
    throw .stripe("sk_live_secret was refused")
  }
  func invoices(user: String) async throws(BillingFailure) -> [BillingInvoice] {
    [BillingInvoice(id: "in_1", status: "paid", currency: "eur", amountDue: 1000)]
  }
  func upcoming(user: String) async throws(BillingFailure) -> BillingInvoice? { nil }
}
