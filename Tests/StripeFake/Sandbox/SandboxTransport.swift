package import Billing
import Synchronization

/// A sandbox in this process, for ``StripeClient``: no socket, no clock of its own.
package final class SandboxTransport: StripeTransport {
  /// No answer came.
  package struct Unreachable: Error {}

  private let sandbox: Mutex<StripeSandbox>
  private let log = Mutex<[StripeRequest]>([])

  /// Answers from this sandbox.
  package init(_ sandbox: StripeSandbox) { self.sandbox = Mutex(sandbox) }

  /// Answers from this account.
  package convenience init(_ account: StripeAccount) { self.init(StripeSandbox(account)) }

  /// What was asked for so far.
  package var requests: [StripeRequest] { log.withLock { $0 } }

  /// Does something to the account, the faults or the settings; what it returns.
  package func with<Value: Sendable, Failure: Error>(
    _ body: (inout StripeSandbox) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try sandbox.withLock { (sandbox) throws(Failure) in try body(&sandbox) }
  }

  /// Answers at once; throws ``Unreachable`` where a fault breaks the connection.
  package func send(_ request: StripeRequest) async throws -> StripeReply {
    log.withLock { $0.append(request) }
    let plain = APIRequest(
      request.method, request.path,
      headers: Dictionary(request.headers.map { ($0.name, $0.value) }) { $1 }, body: request.body ?? "")
    let response = sandbox.withLock { sandbox -> APIResponse? in
      switch sandbox.admit(plain) {
      case .answer(let response): response
      case .drop: nil
      case .run(let ticket, _): sandbox.run(ticket)
      }
    }
    guard let response else { throw Unreachable() }
    let word = response.header("Stripe-Should-Retry").flatMap { ["true": true, "false": false][$0] }
    return StripeReply(status: response.status, shouldRetry: word, body: response.json.bytes)
  }
}
