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

  private let answer: (@Sendable (StripeRequest) -> StripeReply)?

  /// nil: no answer comes. Past the end of the list everything is a 500.
  init(_ replies: [StripeReply?]) {
    self.replies = Mutex(replies)
    answer = nil
  }

  /// Answers by what is asked.
  init(answer: @escaping @Sendable (StripeRequest) -> StripeReply) {
    replies = Mutex([])
    self.answer = answer
  }

  /// A clock that goes a second with each look.
  private let ticks = Mutex<Int64>(0)
  private func clock() -> Int64 {
    ticks.withLock { ticks in
      ticks += 1_000_000
      return ticks
    }
  }

  var requests: [StripeRequest] { seen.withLock { $0 } }
  var delays: [Int64] { waits.withLock { $0 } }

  func send(_ request: StripeRequest) async throws -> StripeReply {
    seen.withLock { $0.append(request) }
    if let answer { return answer(request) }
    let reply = replies.withLock { $0.isEmpty ? StripeReply(status: 500, body: []) : $0.removeFirst() }
    guard let reply else { throw Unreachable() }
    return reply
  }

  /// Without a pace of its own: what is waited for is only the retries.
  var client: StripeClient { client(key: "sk_test_key") }

  func client(key: String) -> StripeClient {
    let pace = StripePace(isLive: true, microseconds: { self.clock() })
    return StripeClient(key: key, transport: self, pace: pace, logger: TestBench.logger) { milliseconds in
      self.waits.withLock { $0.append(milliseconds) }
    }
  }

  static func ok(_ object: [String: Any]) -> StripeReply {
    StripeReply(status: 200, body: Payloads().json(object))
  }
  /// A page of a list.
  static func list(_ items: [[String: Any]], hasMore: Bool = false) -> StripeReply {
    ok(["object": "list", "data": items, "has_more": hasMore])
  }
  static func error(_ status: Int, code: String = "", shouldRetry: Bool? = nil) -> StripeReply {
    StripeReply(
      status: status, shouldRetry: shouldRetry,
      body: Payloads().json(["error": ["code": code, "message": "no"]]))
  }
}
