package import Gate

/// When a delivery that failed is tried again.
/// Source: https://www.standardwebhooks.com, "Deliverability and reliability", the example schedule
package enum DeliverySchedule {
  /// Seconds between an attempt and the next one. The first is made at once, so there is one attempt more.
  package static let delaysSeconds: [Int64] = [
    5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
  ]

  /// Attempts in all.
  package static var attemptsMax: Int64 { Int64(delaysSeconds.count) + 1 }

  /// When the attempt after `attempt` (from 1) is due: the table's delay and up to a fifth more (`jitter`, 0 to
  /// 1), so that what failed together doesn't come back together; later, but at most by a day, where the
  /// target asked for it. nil: that was the last one.
  package static func next(
    after attempt: Int64, at now: Instant, jitter: Double, retryAfterSeconds: Int64? = nil
  ) -> Instant? {
    guard attempt < attemptsMax else { return nil }
    let delay = delaysSeconds[Int(max(1, attempt)) - 1] * 1000
    let spread = Int64(Double(delay) / 5 * max(0, min(jitter, 1)))
    let asked = min(retryAfterSeconds ?? 0, 86_400) * 1000
    return Instant(milliseconds: now.milliseconds + max(delay + spread, asked))
  }
}
