extension StripeAccount {
  /// A customer.
  package struct Customer: Sendable, Equatable, Codable {
    /// `cus_…`.
    package var id: String
    package var created: Int64
    package var email: String?
    package var name: String?
    package var phone: String?
    package var description: String?
    package var metadata: [String: String] = [:]
    /// In the currency's smallest unit; below 0 it is a credit, which invoices use up.
    package var balance: Int64 = 0
    package var isDeleted = false
    /// How payments go: nil without a payment method.
    package var card: PaymentOutcome?
    /// The next payments go like this, one after the other, before `card` counts again.
    package var nextPayments: [PaymentOutcome] = []
    package var paymentMethod: String?
    package var invoicePrefix: String
    package var nextInvoiceNumber: Int64 = 1
  }

  /// What a bank says to a charge.
  package enum PaymentOutcome: Sendable, Equatable, Codable {
    case succeeds
    /// Stripe's `decline_code`: `insufficient_funds`.
    case declined(String)
    /// The customer must authenticate first.
    case needsAction
  }
}
