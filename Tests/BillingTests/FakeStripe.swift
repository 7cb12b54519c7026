import Billing
import Foundation
import Logging
import Synchronization

/// Answers requests from a list, and remembers them.
final class FakeStripe: StripeTransport {
  struct Unreachable: Error {}
  private let replies: Mutex<[StripeReply?]>
  private let seen = Mutex<[StripeRequest]>([])
  private let waits = Mutex<[Int64]>([])

  /// nil: no answer comes. Past the end of the list everything is a 500.
  init(_ replies: [StripeReply?]) { self.replies = Mutex(replies) }

  var requests: [StripeRequest] { seen.withLock { $0 } }
  var delays: [Int64] { waits.withLock { $0 } }

  func send(_ request: StripeRequest) async throws -> StripeReply {
    seen.withLock { $0.append(request) }
    let reply = replies.withLock { $0.isEmpty ? StripeReply(status: 500, body: []) : $0.removeFirst() }
    guard let reply else { throw Unreachable() }
    return reply
  }

  var client: StripeClient {
    StripeClient(key: "sk_test_key", transport: self, logger: Logger(label: "test")) { milliseconds in
      self.waits.withLock { $0.append(milliseconds) }
    }
  }

  static func ok(_ object: [String: Any]) -> StripeReply {
    StripeReply(status: 200, body: Payloads().json(object))
  }
  static func error(_ status: Int, code: String = "", shouldRetry: Bool? = nil) -> StripeReply {
    StripeReply(
      status: status, shouldRetry: shouldRetry,
      body: Payloads().json(["error": ["code": code, "message": "no"]]))
  }
}
