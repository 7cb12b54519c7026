package import Billing
package import Gate

/// `/v1/billing/*` as Billing answers it; the links need no Stripe and are answered here.
package protocol BillingEndpoints: Sendable {
  /// Of the user, or of its tenant where it has one. Needs no Stripe.
  func status(user: String, now: Instant) async throws(BillingFault) -> AccountBilling
  /// The URL of a Checkout session.
  func checkout(user: String, _ order: BillingOrder) async throws(BillingFault) -> String
  /// The URL of a customer portal session.
  func portal(user: String, returnURL: String?) async throws(BillingFault) -> String
  /// Takes back a scheduled cancellation, or resumes what is paused.
  func reactivate(user: String, now: Instant) async throws(BillingFault) -> AccountBilling
  /// Newest first. Needs no Stripe, and knows more with it.
  func invoices(user: String) async throws(BillingFault) -> [InvoiceSummary]
  /// nil when nothing is going to be charged.
  func upcoming(user: String) async throws(BillingFault) -> InvoiceSummary?
}

extension BillingService: BillingEndpoints {}
