import Billing
import BillingStores
import Gate
import Logging
import Signatures
import Synchronization
import Testing

/// A processor on some store, with an outbox that notes what it was told to apply.
struct TestBench {
  final class Outbox: OutboxApplying {
    private let accounts = Mutex<[AccountID]>([])
    private let failing = Mutex(false)
    private let refused = Mutex<AccountID?>(nil)
    private let gate = Mutex<(isShut: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
    /// Those that are held up.
    var waiting: Int { gate.withLock { $0.waiting.count } }
    /// Holds up whoever applies from now on.
    func shut() { gate.withLock { $0.isShut = true } }
    /// Lets them all go on.
    func open() {
      let waiting = gate.withLock { gate in
        defer { gate = (false, []) }
        return gate.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
    var applied: [AccountID] { accounts.withLock { $0 } }
    func fail(_ isFailing: Bool) { failing.withLock { $0 = isFailing } }
    /// Fails for this account alone.
    func refuse(_ account: AccountID?) { refused.withLock { $0 = account } }
    func apply(_ account: AccountID) async throws(StoreError) {
      await withCheckedContinuation { continuation in
        let isHeld = gate.withLock { gate in
          if gate.isShut { gate.waiting.append(continuation) }
          return gate.isShut
        }
        if !isHeld { continuation.resume() }
      }
      if failing.withLock({ $0 }) || refused.withLock({ $0 }) == account {
        throw .unavailable("redis is away")
      }
      accounts.withLock { $0.append(account) }
    }
  }

  static let secret = "whsec_test_secret"
  static let now = Instant(seconds: Payloads.start + 3600)

  let processor: WebhookProcessor
  let outbox = Outbox()
  let secrets: WebhookSecrets
  var events: EventProcessor { processor.events }

  init(
    _ store: any BillingStore, stripe: StripeClient? = nil,
    admission: WebhookAdmission = WebhookAdmission(runningMax: 16)
  ) throws {
    secrets = try WebhookSecrets([Self.secret])
    processor = WebhookProcessor(
      events: EventProcessor(
        store: store, outbox: outbox, catalog: TestCatalog.catalog, stripe: stripe, logger: Self.logger),
      secrets: secrets, admission: admission, logger: Self.logger)
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

  /// Delivered as Stripe does: again after a 5xx, `deliveriesMax` times in all.
  func send(_ body: [UInt8], deliveriesMax: Int) async -> WebhookAnswer {
    var answer = await send(body)
    for _ in 1..<deliveriesMax where answer == .storeUnavailable { answer = await send(body) }
    return answer
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

/// Waits until it holds; an issue when it doesn't within 10 s.
func until(_ what: Comment, _ condition: () async throws -> Bool) async throws {
  let start = ContinuousClock.now
  while try await !condition() {
    guard ContinuousClock.now - start < .seconds(10) else {
      Issue.record("never: \(what)")
      return
    }
    try await Task.sleep(for: .milliseconds(2))
  }
}

/// Counts, on any thread.
final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func add() { count.withLock { $0 += 1 } }
}
