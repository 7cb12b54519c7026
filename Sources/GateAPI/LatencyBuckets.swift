/// The buckets that durations are counted in: eight to each power of two of microseconds, so that a value is known to
/// an eighth, from a microsecond to beyond a minute, in a small fixed array.
/// Source: the idea of HdrHistogram, http://hdrhistogram.org/.
package enum LatencyBuckets {
  /// Bits of a value below its highest that still tell buckets apart.
  private static let subBits = 3
  private static let powersMax = 27
  package static let count = (powersMax - subBits) << subBits + 1 << subBits

  /// The bucket of a duration; what is longer than all of them is in the last.
  package static func index(_ microseconds: UInt64) -> Int {
    guard microseconds >= 1 << UInt64(subBits) else { return Int(microseconds) }
    let power = 63 - microseconds.leadingZeroBitCount
    let sub = Int(truncatingIfNeeded: microseconds >> UInt64(power - subBits)) & (1 << subBits - 1)
    return min(count - 1, (power - subBits) << subBits + 1 << subBits + sub)
  }

  /// The first microsecond that is past the bucket.
  package static func end(_ index: Int) -> UInt64 {
    guard index >= 1 << subBits else { return UInt64(index) + 1 }
    let (step, sub) = ((index - 1 << subBits) >> subBits, (index - 1 << subBits) & (1 << subBits - 1))
    return UInt64(1 << subBits + sub + 1) << UInt64(step)
  }

  /// The duration that `share` (0 to 1) of the counted ones don't exceed, in microseconds; nil when there are none.
  package static func percentile(_ share: Double, of counts: [Int: UInt64]) -> UInt64? {
    let total = counts.values.reduce(0, &+)
    guard total > 0 else { return nil }
    let wanted = max(1, UInt64((share * Double(total)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, count) in counts.sorted(by: { $0.key < $1.key }) {
      seen &+= count
      if seen >= wanted { return end(index) }
    }
    return nil
  }
}
