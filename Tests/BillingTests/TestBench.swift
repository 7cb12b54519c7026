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

  init(_ store: any BillingStore, isLive: Bool? = nil, stripe: StripeClient? = nil) throws {
    secrets = try WebhookSecrets([Self.secret])
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    processor = WebhookProcessor(
      store: store, outbox: outbox, secrets: secrets, catalog: TestCatalog.catalog, isLive: isLive,
      stripe: stripe,
      logger: logger)
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
