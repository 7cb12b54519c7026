internal import Gate
internal import NIOCore
internal import RedisStore

/// One question to the counters on behalf of a charge, and what they said.
struct ChargeQuestion: Sendable {
  enum Form: Sendable {
    /// What was used is booked, whatever is left.
    case usage
    /// What is reserved is held, or refused.
    case reserve(hold: String, milliseconds: Int64, onExpire: Feature.Expiry)
  }

  var form: Form
  var tokens: Int64
  var operation: OperationID
  var idempotencyKey: String
  var fingerprint: String
  var metadata: String?
  /// Of a report: when it happened.
  var occurredAt: Instant?

  struct Answer: Sendable {
    var verdict: CheckVerdict
    var numbers: CheckNumbers
    var replayedHold: String
  }

  /// To be called on the engine's loop.
  func ask(
    _ engine: LoopCheckEngine, _ principal: Principal, _ entitlement: Entitlement, feature: Feature,
    deadline: NIODeadline, promise: EventLoopPromise<Answer>
  ) {
    let prepared = engine.prepare(principal, entitlement, feature: feature, verify: false)
    let waiter = Waiter(promise)
    let call = waiter.call
    call.tokens = tokens
    call.operation = operation
    call.idempotencyKey = idempotencyKey
    call.fingerprint = fingerprint
    call.metadata = metadata
    call.occurredAt = occurredAt
    call.deadlineNanoseconds = deadline.uptimeNanoseconds
    switch form {
    case .usage: call.afterTheFact = true
    case .reserve(let hold, let milliseconds, let onExpire):
      call.mode = .reserve
      call.holdID = hold
      call.ttlMilliseconds = milliseconds
      call.releaseOnExpiry = onExpire == .release
    }
    engine.check(call, prepared)
  }

  /// Keeps itself until it is told, for a call doesn't keep its owner.
  private final class Waiter: CheckCallOwner {
    private let promise: EventLoopPromise<Answer>
    private(set) lazy var call = CheckCall(owner: self)
    private var itself: Waiter?

    init(_ promise: EventLoopPromise<Answer>) {
      self.promise = promise
      itself = self
    }

    func completed(_ call: CheckCall) {
      promise.succeed(
        Answer(verdict: call.verdict, numbers: call.numbers, replayedHold: call.replayedHold))
      itself = nil
    }
  }
}
