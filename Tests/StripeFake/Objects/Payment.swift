extension StripeAccount {
  /// The way to a payment, with all its attempts.
  package struct PaymentIntent: Sendable, Equatable, Codable {
    /// Stripe's words.
    package enum Status: String, Sendable, Codable {
      case requiresPaymentMethod = "requires_payment_method"
      case requiresAction = "requires_action"
      case processing, succeeded, canceled
    }
    /// `pi_…`.
    package var id: String
    package var customer: String?
    package var amount: Int64
    package var currency: String
    package var created: Int64
    package var status = Status.requiresPaymentMethod
    package var invoice: String?
    package var latestCharge: String?
    package var declineCode: String?
    package var metadata: [String: String] = [:]
  }

  /// One attempt to take money.
  package struct Charge: Sendable, Equatable, Codable {
    /// `ch_…`.
    package var id: String
    package var customer: String?
    package var amount: Int64
    package var currency: String
    package var created: Int64
    package var paymentIntent: String
    package var invoice: String?
    /// nil when it went through.
    package var declineCode: String?
    package var amountRefunded: Int64 = 0
    package var dispute: String?
    package var metadata: [String: String] = [:]

    package var isRefunded: Bool { amount > 0 && amountRefunded == amount }
  }

  /// Money given back.
  package struct Refund: Sendable, Equatable, Codable {
    /// `re_…`.
    package var id: String
    package var charge: String
    package var amount: Int64
    package var paymentIntent: String
    package var currency: String
    package var created: Int64
    package var reason: String?
    package var metadata: [String: String] = [:]
  }

  /// A cardholder's objection to a charge.
  package struct Dispute: Sendable, Equatable, Codable {
    /// Stripe's words.
    package enum Status: String, Sendable, Codable {
      case needsResponse = "needs_response"
      case won, lost
    }
    /// `du_…`.
    package var id: String
    package var charge: String
    package var paymentIntent: String
    package var amount: Int64
    package var currency: String
    package var created: Int64
    package var reason: String
    package var status = Status.needsResponse
  }

  /// A visit to the customer portal.
  package struct PortalSession: Sendable, Equatable, Codable {
    /// `bps_…`.
    package var id: String
    package var customer: String
    package var created: Int64
    package var returnURL: String?
    package var url: String
  }

  /// One payment of an invoice.
  package struct InvoicePayment: Sendable, Equatable, Codable {
    package var id: String
    package var invoice: String
    package var paymentIntent: String
    package var amount: Int64
    package var currency: String
    package var created: Int64
  }

  /// A card of a customer's.
  package struct PaymentMethod: Sendable, Equatable, Codable {
    package var id: String
    package var customer: String
    package var created: Int64
  }
}
