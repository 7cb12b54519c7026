/// Any object of an account, as it was at some moment.
package enum StripeObject: Sendable, Equatable, Codable {
  case customer(StripeAccount.Customer)
  case product(StripeAccount.Product)
  case price(StripeAccount.Price)
  case session(StripeAccount.CheckoutSession)
  case subscription(StripeAccount.Subscription)
  case invoice(StripeAccount.Invoice)
  case paymentIntent(StripeAccount.PaymentIntent)
  case charge(StripeAccount.Charge)
  case refund(StripeAccount.Refund)
  case dispute(StripeAccount.Dispute)
  case portalSession(StripeAccount.PortalSession)
  case invoicePayment(StripeAccount.InvoicePayment)
  case paymentMethod(StripeAccount.PaymentMethod)
  case invoiceItem(StripeAccount.PendingItem)

  /// Its id: `sub_…`.
  package var id: String {
    switch self {
    case .customer(let object): object.id
    case .product(let object): object.id
    case .price(let object): object.id
    case .session(let object): object.id
    case .subscription(let object): object.id
    case .invoice(let object): object.id
    case .paymentIntent(let object): object.id
    case .charge(let object): object.id
    case .refund(let object): object.id
    case .dispute(let object): object.id
    case .portalSession(let object): object.id
    case .invoicePayment(let object): object.id
    case .paymentMethod(let object): object.id
    case .invoiceItem(let object): object.id
    }
  }

  /// The ids of the objects that it names in expandable fields.
  var references: [String] {
    switch self {
    case .subscription(let object): [object.customer, object.latestInvoice].compactMap { $0 }
    case .invoice(let object):
      [object.customer, object.subscription, object.paymentIntent, object.charge].compactMap { $0 }
    case .session(let object):
      [object.customer, object.subscription, object.invoice, object.paymentIntent].compactMap { $0 }
    case .paymentIntent(let object):
      [object.customer, object.invoice, object.latestCharge].compactMap { $0 }
    case .charge(let object):
      [object.customer, object.invoice, object.paymentIntent].compactMap { $0 }
    case .refund(let object): [object.charge, object.paymentIntent]
    case .dispute(let object): [object.charge, object.paymentIntent]
    case .customer, .product, .price, .portalSession, .invoicePayment, .paymentMethod, .invoiceItem: []
    }
  }
}
