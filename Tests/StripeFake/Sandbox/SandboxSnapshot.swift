/// What a sandbox remembers from one run to the next: the account with all its objects and events, and how far
/// their deliveries are.
package struct SandboxSnapshot: Codable, Sendable {
  private var customers: Table<StripeAccount.Customer>
  private var products: Table<StripeAccount.Product>
  private var prices: Table<StripeAccount.Price>
  private var sessions: Table<StripeAccount.CheckoutSession>
  private var subscriptions: Table<StripeAccount.Subscription>
  private var invoices: Table<StripeAccount.Invoice>
  private var paymentIntents: Table<StripeAccount.PaymentIntent>
  private var charges: Table<StripeAccount.Charge>
  private var refunds: Table<StripeAccount.Refund>
  private var disputes: Table<StripeAccount.Dispute>
  private var portalSessions: Table<StripeAccount.PortalSession>
  private var invoicePayments: Table<StripeAccount.InvoicePayment>
  private var paymentMethods: Table<StripeAccount.PaymentMethod>
  private var pendingItems: [String: [StripeAccount.PendingItem]]
  private var events: Table<StripeEventRecord>
  private var now: Int64
  private var deliveries: [WebhookQueue.Delivery]

  /// As it is now.
  package init(_ sandbox: StripeSandbox) {
    let account = sandbox.account
    customers = account.customers
    products = account.products
    prices = account.prices
    sessions = account.sessions
    subscriptions = account.subscriptions
    invoices = account.invoices
    paymentIntents = account.paymentIntents
    charges = account.charges
    refunds = account.refunds
    disputes = account.disputes
    portalSessions = account.portalSessions
    invoicePayments = account.invoicePayments
    paymentMethods = account.paymentMethods
    pendingItems = account.pendingItems
    events = account.events
    now = account.now
    deliveries = sandbox.webhooks.deliveries
  }

  /// Puts a sandbox where it was; prices that it has been given since stay. A post that was on its way is
  /// sent again.
  package func restore(_ sandbox: inout StripeSandbox) {
    let given = (prices: sandbox.account.prices.all, products: sandbox.account.products.all)
    sandbox.account.customers = customers
    sandbox.account.products = products
    sandbox.account.prices = prices
    for product in given.products { sandbox.account.products[product.id] = product }
    for price in given.prices { sandbox.account.prices[price.id] = price }
    sandbox.account.sessions = sessions
    sandbox.account.subscriptions = subscriptions
    sandbox.account.invoices = invoices
    sandbox.account.paymentIntents = paymentIntents
    sandbox.account.charges = charges
    sandbox.account.refunds = refunds
    sandbox.account.disputes = disputes
    sandbox.account.portalSessions = portalSessions
    sandbox.account.invoicePayments = invoicePayments
    sandbox.account.paymentMethods = paymentMethods
    sandbox.account.pendingItems = pendingItems
    sandbox.account.events = events
    _ = sandbox.account.takeEvents()
    sandbox.account.now = max(sandbox.account.now, now)
    sandbox.webhooks.restore(deliveries)
  }
}
