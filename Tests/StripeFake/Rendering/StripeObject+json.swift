extension StripeObject {
  /// As Stripe writes it, expandable fields as ids.
  package func json(_ rendering: Rendering = Rendering()) -> JSON {
    switch self {
    case .customer(let object): object.json
    case .product(let object): object.json
    case .price(let object): object.json
    case .session(let object): object.json
    case .subscription(let object): object.json(rendering.shape)
    case .invoice(let object): object.json(rendering)
    case .paymentIntent(let object): object.json(rendering.shape)
    case .charge(let object): object.json(rendering.shape)
    case .refund(let object): object.json
    case .dispute(let object): object.json
    case .portalSession(let object): object.json
    case .invoicePayment(let object): object.json
    case .paymentMethod(let object): object.json
    case .invoiceItem(let object): object.json(rendering.shape)
    }
  }
}
