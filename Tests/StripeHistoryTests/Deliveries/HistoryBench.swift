import Billing
import BillingStores
import Gate
import Logging
import Signatures
import StripeFake
import Synchronization
import Testing

/// The real processor on some store; with a world to ask, as with an API key.
struct HistoryBench: Sendable {
  struct Outbox: OutboxApplying {
    func apply(_ account: AccountID) async throws(StoreError) {}
  }

  let processor: WebhookProcessor
  private let secrets: WebhookSecrets
  /// Made once: there is a bench for each delivery.
  private static let theirs = Result { try WebhookSecrets(["whsec_histories"]) }

  init(
    _ store: any BillingStore, asking world: World? = nil,
    admission: WebhookAdmission = WebhookAdmission(runningMax: 16)
  ) throws {
    secrets = try Self.theirs.get()
    let events = EventProcessor(
      store: store, outbox: Outbox(), catalog: Shop.catalog, stripe: world?.client, logger: Self.logger)
    processor = WebhookProcessor(
      events: events, secrets: secrets, admission: admission, logger: Self.logger)
  }

  static let logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  /// Posts it, signed at `now` (Unix seconds).
  func post(_ letter: Letter, now: Int64) async -> WebhookAnswer {
    let header = StripeSignature.sign(rawBody: letter.body, secrets: secrets, timestamp: now)
    return await processor.receive(
      rawBody: letter.body, signatureHeader: header, now: Instant(seconds: now))
  }

  /// As Stripe does: again, until the answer is 2xx. A database on a busy machine may time out now and then.
  func postUntilReceived(_ letter: Letter, now: Int64) async -> WebhookAnswer {
    var answer = WebhookAnswer.storeUnavailable
    for _ in 0..<20 where answer == .storeUnavailable { answer = await post(letter, now: now) }
    return answer
  }

  /// The same without checking and reading it once more: to read is most of the work, and always the same.
  func deliver(_ letter: Letter, now: Int64) async -> WebhookAnswer {
    await processor.take(letter.event, payload: letter.payload, now: Instant(seconds: now))
  }
}

extension HistoryBench {
  /// Delivers all of them, twelve at a time.
  func deliverAtOnce(_ letters: [Letter], now: Int64) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, letter) in letters.enumerated() {
        if index >= 12 { await group.next() }
        group.addTask { #expect(await self.postUntilReceived(letter, now: now) == .received) }
      }
    }
  }
}

/// What Stripe's API answers: the account as it is at some moment.
final class World: StripeTransport {
  private struct State {
    var sandbox: SandboxTransport
    /// Answers of this moment, by path.
    var answers: [String: StripeReply] = [:]
  }
  private let state: Mutex<State>
  private let asked = Mutex(0)
  private let clock = Mutex<Int64>(0)

  init(_ account: StripeAccount) { state = Mutex(State(sandbox: SandboxTransport(account))) }

  /// How often it was asked.
  var requests: Int { asked.withLock { $0 } }

  /// From now on this is how things are.
  func show(_ account: StripeAccount) { state.withLock { $0 = State(sandbox: SandboxTransport(account)) } }

  func send(_ request: StripeRequest) async throws -> StripeReply {
    asked.withLock { $0 += 1 }
    let (sandbox, known) = state.withLock { ($0.sandbox, $0.answers[request.path]) }
    if let known { return known }
    let reply = try await sandbox.send(request)
    state.withLock { if $0.sandbox === sandbox { $0.answers[request.path] = reply } }
    return reply
  }

  /// A client that never has to wait for its turn.
  var client: StripeClient {
    let pace = StripePace(
      isLive: true,
      microseconds: {
        self.clock.withLock { time in
          time += 1_000_000
          return time
        }
      })
    return StripeClient(key: "sk_test_histories", transport: self, pace: pace, logger: HistoryBench.logger)
  }
}

extension History {
  /// The store before anything was told.
  var blank: MemoryBillingStore.State {
    var state = MemoryBillingStore.State()
    state.prices = Shop.plansByPrice
    for buyer in buyers {
      state.accounts[buyer.account] = .init(
        customer: buyer.isLinked ? buyer.customer : nil,
        email: buyer.account.kind == .user ? buyer.storedEmail : nil)
    }
    state.accounts[.user("bystander")] = .init(customer: "cus_bystander", email: "bystander@example.com")
    return state
  }
}
