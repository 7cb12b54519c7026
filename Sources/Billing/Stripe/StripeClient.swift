package import Logging
import Signatures

/// Stripe's API, as far as it is used: form-encoded requests with a pinned version, an idempotency key on
/// every POST, and retries that keep it.
package struct StripeClient: Sendable {
  /// The version that answers are read in; the events' version is the endpoint's own.
  package static let version = "2025-03-31.basil"

  let key: String
  let transport: any StripeTransport
  let logger: Logger
  let pace: StripePace
  let lane: StripePace.Lane
  let sleep: @Sendable (Int64) async -> Void

  /// `key`: `sk_…` or `rk_…`. `pace` is shared by all clients of the process. `sleep` waits between attempts, in
  /// milliseconds; for tests.
  package init(
    key: String, transport: any StripeTransport, pace: StripePace? = nil, logger: Logger,
    sleep: @escaping @Sendable (Int64) async -> Void = { milliseconds in
      do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch {}
    }
  ) {
    self.init(
      key: key, transport: transport, pace: pace ?? StripePace(isLive: StripeClient.isLive(key: key)),
      lane: .caller, logger: logger, sleep: sleep)
  }

  private init(
    key: String, transport: any StripeTransport, pace: StripePace, lane: StripePace.Lane, logger: Logger,
    sleep: @escaping @Sendable (Int64) async -> Void
  ) {
    self.key = key
    self.transport = transport
    self.logger = logger
    self.pace = pace
    self.lane = lane
    self.sleep = sleep
  }

  /// The same client for other business.
  func inLane(_ lane: StripePace.Lane) -> StripeClient {
    StripeClient(key: key, transport: transport, pace: pace, lane: lane, logger: logger, sleep: sleep)
  }

  /// The key's mode, by which events of the other mode are told apart; nil for a key that doesn't say.
  package var isLive: Bool? { StripeClient.isLive(key: key) }

  /// The mode of a key by its prefix; nil where it doesn't say.
  package static func isLive(key: String) -> Bool? {
    if key.hasPrefix("sk_live_") || key.hasPrefix("rk_live_") { return true }
    if key.hasPrefix("sk_test_") || key.hasPrefix("rk_test_") { return false }
    return nil
  }

  func get(_ path: String, _ query: StripeForm = StripeForm()) async throws(StripeError) -> JSONValue {
    let target = query.fields.isEmpty ? path : "\(path)?\(query.encoded)"
    return try await send(StripeRequest(method: "GET", path: target, headers: headers, body: nil))
  }

  /// The same idempotency key, over all attempts and for 24 h at Stripe, is done once.
  func post(
    _ path: String, _ form: StripeForm, idempotencyKey: String? = nil
  ) async throws(StripeError) -> JSONValue {
    let once = idempotencyKey ?? "tollgate-\(Hex.encode(RandomBytes.make(count: 16)))"
    let extra = [
      ("Content-Type", "application/x-www-form-urlencoded"), ("Idempotency-Key", String(once.prefix(255))),
    ]
    return try await send(
      StripeRequest(
        method: "POST", path: path, headers: headers + extra.map { (name: $0.0, value: $0.1) },
        body: form.encoded))
  }

  private var headers: [(name: String, value: String)] {
    [("Authorization", "Bearer \(key)"), ("Stripe-Version", StripeClient.version)]
  }

  private func send(_ request: StripeRequest) async throws(StripeError) -> JSONValue {
    // An event holds a lock and a connection meanwhile, and has another way: it asks once.
    let attemptsMax = lane == .event ? 1 : StripeRetry.attemptsMax
    var attempt = 1
    while true {
      guard let wait = pace.turn(lane) else { throw .busy }
      if wait > 0 { await sleep(wait) }
      var reply: StripeReply?
      do {
        reply = try await transport.send(request)
      } catch {
        logger.debug("stripe did not answer", metadata: ["error": "\(type(of: error))"])
      }
      if let reply, (200..<300).contains(reply.status) {
        guard let value = JSONValue(json: reply.body), value.isObject else { throw .unreadable }
        return value
      }
      guard attempt < attemptsMax, StripeRetry.isWorthwhile(reply), !Task.isCancelled else {
        throw StripeError(reply)
      }
      attempt += 1
      await sleep(StripeRetry.delayMilliseconds(attempt: attempt, jitter: .random(in: 0...1)))
    }
  }
}
