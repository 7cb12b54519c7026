import Billing
import Gate
import Logging
import Signatures
import Synchronization

/// A processor on some store, with an outbox that notes what it was told to apply.
struct TestBench {
  final class Outbox: OutboxApplying {
    private let accounts = Mutex<[AccountID]>([])
    private let failing = Mutex(false)
    var applied: [AccountID] { accounts.withLock { $0 } }
    func fail(_ isFailing: Bool) { failing.withLock { $0 = isFailing } }
    func apply(_ account: AccountID) async throws(StoreError) {
      if failing.withLock({ $0 }) { throw .unavailable("redis is away") }
      accounts.withLock { $0.append(account) }
    }
  }

  static let secret = "whsec_test_secret"
  static let now = Instant(seconds: Payloads.start + 3600)

  let processor: WebhookProcessor
  let outbox = Outbox()
  let secrets: WebhookSecrets
  var events: EventProcessor { processor.events }

  init(_ store: any BillingStore, stripe: StripeClient? = nil) throws {
    secrets = try WebhookSecrets([Self.secret])
    processor = WebhookProcessor(
      events: EventProcessor(
        store: store, outbox: outbox, catalog: TestCatalog.catalog, stripe: stripe, logger: Self.logger),
      secrets: secrets, logger: Self.logger)
  }

  static var logger: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }

  /// `/v1/billing` on some store, with links that lead somewhere.
  static func service(
    _ store: any BillingStore & CustomerQueue, _ stripe: StripeClient?, links: BillingLinks? = nil
  ) -> BillingService {
    let events = EventProcessor(
      store: store, outbox: Outbox(), catalog: TestCatalog.catalog, stripe: stripe, logger: logger)
    return BillingService(
      store: store, events: events, catalog: TestCatalog.catalog, stripe: stripe, logger: logger
    ) { links }
  }

  @discardableResult
  func send(_ body: [UInt8]) async -> WebhookAnswer {
    let header = StripeSignature.sign(rawBody: body, secrets: secrets, timestamp: Self.now.seconds)
    return await processor.receive(rawBody: body, signatureHeader: header, now: Self.now)
  }

  /// A memory store with users u1 (customer cus_1), u2, and tenant t1, and the catalog's prices.
  static func memory() -> MemoryBillingStore {
    var state = MemoryBillingStore.State()
    state.accounts[.user("u1")] = .init(customer: "cus_1", email: "one@example.com")
    state.accounts[.user("u2")] = .init(email: "two@example.com")
    state.accounts[.tenant("t1")] = .init()
    state.prices = TestCatalog.prices
    return MemoryBillingStore(state)
  }
}
