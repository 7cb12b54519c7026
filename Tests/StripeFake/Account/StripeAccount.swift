/// An account at Stripe in test mode: its objects, its clock, and the events that they make. A value without
/// IO: what is done to it are method calls, what comes of them are ``takeEvents()``.
package struct StripeAccount: Sendable {
  /// What a merchant sets up in the dashboard.
  package struct Settings: Sendable {
    /// What happens to a subscription when the last retry has failed.
    package enum DunningEnd: Sendable { case cancel, unpaid, pastDue }

    /// Days from each failed attempt to the next one.
    package var retryDays: [Int64] = [3, 5, 7]
    package var dunningEnd = DunningEnd.cancel
    /// How long a renewal's invoice stays a draft: Stripe takes about an hour.
    package var draftSeconds: Int64 = 3600
    /// How long a first payment may take before the subscription is `incomplete_expired`.
    package var incompleteSeconds: Int64 = 23 * 3600
    /// Days before a renewal at which `invoice.upcoming` is sent.
    package var upcomingNoticeDays: Int64 = 7
    /// Days that a bank debit takes.
    package var debitDays: Int64 = 3
    /// Where the pages for people are: checkout, portal, invoices.
    package var pageBase = "https://stripe.test"

    /// Stripe's defaults, as far as it has them.
    package init() {}
  }

  package var settings: Settings
  /// The test clock, in Unix seconds.
  package internal(set) var now: Int64
  package internal(set) var customers = Table<Customer>()
  package internal(set) var products = Table<Product>()
  package internal(set) var prices = Table<Price>()
  package internal(set) var sessions = Table<CheckoutSession>()
  package internal(set) var subscriptions = Table<Subscription>()
  package internal(set) var invoices = Table<Invoice>()
  package internal(set) var paymentIntents = Table<PaymentIntent>()
  package internal(set) var charges = Table<Charge>()
  package internal(set) var refunds = Table<Refund>()
  package internal(set) var disputes = Table<Dispute>()
  package internal(set) var portalSessions = Table<PortalSession>()
  var invoicePayments = Table<InvoicePayment>()
  var paymentMethods = Table<PaymentMethod>()
  /// By subscription: prorations that its next invoice will have.
  var pendingItems: [String: [PendingItem]] = [:]
  /// All that ever happened, oldest first.
  package internal(set) var events = Table<StripeEventRecord>()
  /// Whose call is being answered; goes into the events.
  var request: (id: String, idempotencyKey: String?)?
  private var takenEvents = 0
  private var generator: SplitMix

  /// An account that sells `prices`, at `now` (Unix seconds). The same seed makes the same ids.
  package init(prices: [Price], now: Int64, seed: UInt64 = 1, settings: Settings = Settings()) {
    self.now = now
    self.settings = settings
    generator = SplitMix(seed: seed)
    for var price in prices {
      price.created = now
      self.prices[price.id] = price
      if products[price.product] == nil {
        let name = price.product.hasPrefix("prod_") ? price.product.dropFirst(5) : price.product[...]
        products[price.product] = Product(
          id: price.product, name: name.replacing("_", with: " ").capitalizedFirst, created: now)
      }
    }
  }

  /// The events since the last time that they were taken, oldest first.
  package mutating func takeEvents() -> [StripeEventRecord] {
    let taken = events.ids[takenEvents...].compactMap { events[$0] }
    takenEvents = events.ids.count
    return taken
  }

  /// Any object by its id, as it is now.
  package func object(_ id: String) -> StripeObject? {
    if let object = customers[id] { return .customer(object) }
    if let object = subscriptions[id] { return .subscription(object) }
    if let object = invoices[id] { return .invoice(object) }
    if let object = sessions[id] { return .session(object) }
    if let object = prices[id] { return .price(object) }
    if let object = products[id] { return .product(object) }
    if let object = charges[id] { return .charge(object) }
    if let object = paymentIntents[id] { return .paymentIntent(object) }
    if let object = refunds[id] { return .refund(object) }
    if let object = disputes[id] { return .dispute(object) }
    if let object = paymentMethods[id] { return .paymentMethod(object) }
    return portalSessions[id].map { .portalSession($0) }
  }

  /// `sub_` and 14 letters and digits.
  mutating func newID(_ prefix: String, length: Int = 14) -> String {
    let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    let text = (0..<length).map { _ in digits[Int.random(in: 0..<digits.count, using: &generator)] }
    return prefix + String(decoding: text, as: UTF8.self)
  }

  mutating func emit(_ type: String, _ object: StripeObject, before: StripeObject? = nil) {
    var related: [String: StripeObject] = [:]
    for id in object.references { related[id] = self.object(id) }
    let id = newID("evt_1", length: 23)
    events[id] = StripeEventRecord(
      id: id, type: type, created: now, object: object, before: before, related: related,
      requestID: request?.id, idempotencyKey: request?.idempotencyKey)
  }

  /// Makes a second event, of another id, of the same fact: it happens.
  package mutating func twin(of event: StripeEventRecord) -> StripeEventRecord {
    var twin = event
    twin.id = newID("evt_1", length: 23)
    events[twin.id] = twin
    return twin
  }
}

extension StringProtocol {
  /// `pro monthly` → `Pro monthly`.
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
