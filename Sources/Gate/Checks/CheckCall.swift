/// What the counters answered, in one letter (`lua/check.lua` lists them).
package enum CheckVerdict: UInt8, Sendable {
  case allowed = 0x41  // A
  case requestRate = 0x52  // R
  case tokenRate = 0x54  // T
  case hourlyCap = 0x48  // H
  case dailyCap = 0x59  // Y
  case concurrency = 0x4E  // N
  // The same limits of the feature alone.
  case featureRequestRate = 0x72  // r
  case featureTokenRate = 0x74  // t
  case featureHourlyCap = 0x68  // h
  case featureDailyCap = 0x79  // y
  case featureConcurrency = 0x6E  // n
  case userBudget = 0x42  // B
  case poolBudget = 0x50  // P
  case lockedOut = 0x4B  // K
  case current = 0x56  // V: the versions are current; asked before a 402
  case conflict = 0x43  // C: the idempotency key stands for another request
  case replayed = 0x49  // I: the first answer again
  case userMissing = 0x4D  // M
  case poolMissing = 0x51  // Q
  case userStale = 0x53  // S
  case poolStale = 0x55  // U
  case late = 0x4C  // L
  case calendarOff = 0x57  // W
  case again = 0x47  // G
  /// No answer within the deadline, or none that can be read. Not a letter of the script's.
  case unavailable = 0x58  // X
}

/// What is used of a check's answer: the numbers beside the letter.
package struct CheckNumbers: Sendable, Equatable {
  /// Redis' clock.
  package var now = Instant(milliseconds: 0)
  /// Of a denial by a budget: what was asked for.
  package var granted: Int64 = 0
  package var budget = Budget()
  /// Length of the budget's period in seconds; 0: none.
  package var periodSeconds: Int64 = 0
  /// Requests left of the request rate; nil without one.
  package var requestsLeft: Int64?
  package var retryAfterMilliseconds: Int64 = 0
  /// Of an allowed reserve: when the hold expires (ms). Of a denial: the limit, or what is left. Of a stale
  /// version: the one that counts.
  package var detail: Int64 = 0
  /// Limits in shadow mode that would have refused.
  package var shadowed: ShadowedLimits = []

  package init() {}
}

/// One question to the counters. Reused: a connection has one for all its requests, so that a check
/// allocates nothing here. Confined to its event loop.
package final class CheckCall {
  // What is asked.
  package var tokens: Int64 = 0
  package var mode = CheckMode.spend
  package var ttlMilliseconds: Int64 = 0
  package var partial = false
  package var releaseOnExpiry = false
  /// The tokens are those of a feature whose cost is estimated, until its user's estimate is known.
  package var takesEstimate = false
  /// The estimate is the least that the caller pays.
  package var paysEstimateAtLeast = false
  /// Tell of every rule: ``CheckCall/rules``.
  package var explains = false
  /// Of use after the fact: when it happened.
  package var occurredAt: Instant?
  /// Records use after the fact, never refused: POST /v1/usage.
  package var afterTheFact = false
  /// Unique per question: 16 bytes of base62, in two words.
  package var operation = OperationID()
  /// Of a reserve.
  package var holdID: String?
  /// Of an idempotent request: the key's own record, and what tells its request from others.
  package var idempotencyKey: String?
  package var fingerprint = ""
  package var metadata: String?
  /// When the caller wants an answer at the latest, on the loop's clock, nanoseconds.
  package var deadlineNanoseconds: UInt64 = 0

  // What was answered.
  package var verdict = CheckVerdict.unavailable
  package var numbers = CheckNumbers()
  /// Of ``CheckVerdict/unavailable``: it may have been taken all the same, and only the reply is missing.
  package var mayHaveRun = false
  /// Of a replay: the hold that the first answer made; empty for none.
  package var replayedHold = ""
  /// Every rule that was looked at, if they were asked for.
  package var rules: [RuleVerdict] = []

  /// Told once per question, on the loop.
  package unowned let owner: any CheckCallOwner
  /// What must live until the answer: an owner that can go away before. It lets go when it is told.
  package var keeper: AnyObject?

  package init(owner: any CheckCallOwner) { self.owner = owner }

  /// Back to a plain spend, keeping storage.
  package func reset() {
    tokens = 0
    mode = .spend
    ttlMilliseconds = 0
    partial = false
    releaseOnExpiry = false
    takesEstimate = false
    paysEstimateAtLeast = false
    explains = false
    occurredAt = nil
    afterTheFact = false
    holdID = nil
    idempotencyKey = nil
    metadata = nil
    replayedHold = ""
    rules.removeAll(keepingCapacity: true)
    verdict = .unavailable
    mayHaveRun = false
  }
}

package protocol CheckCallOwner: AnyObject {
  func completed(_ call: CheckCall)
}

/// Sixteen base62 characters: ninety-five bits that no two operations share.
package struct OperationID: Hashable, Sendable {
  package var high: UInt64 = 0
  package var low: UInt64 = 0
  package init() {}
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A fresh one. The generator is good enough to be unique, and is no secret.
  package static func make(using generator: inout some RandomNumberGenerator) -> OperationID {
    OperationID(high: word(generator.next()), low: word(generator.next()))
  }

  private static func word(_ random: UInt64) -> UInt64 {
    var rest = random
    var word: UInt64 = 0
    for _ in 0..<8 {
      let digit = UInt8(rest % 62)
      rest /= 62
      word = word << 8 | UInt64(digit < 10 ? 48 + digit : digit < 36 ? 55 + digit : 61 + digit)
    }
    return word
  }

  package var text: String {
    String(decoding: bytes, as: UTF8.self)
  }
  package var bytes: [UInt8] {
    [high, low].flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
    }
  }
}
