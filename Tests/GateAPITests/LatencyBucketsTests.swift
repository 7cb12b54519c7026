import GateAPI
import Testing

@Suite struct LatencyBucketsTests {
  @Test func everyDurationIsInABucketThatEndsBehindIt() {
    var values: [UInt64] = Array(0...5000)
    for power in 12..<27 {
      for offset in [-1, 0, 1] { values.append(UInt64(Int64(1) << power + Int64(offset))) }
    }
    var before = 0
    for value in values.sorted() {
      let index = LatencyBuckets.index(value)
      #expect(index >= before && index - before <= 8, "\(value)")
      before = max(before, index)
      let end = LatencyBuckets.end(index)
      #expect(end > value && Double(end) <= Double(value) * 1.125 + 1, "\(value): \(end)")
    }
    #expect(LatencyBuckets.index(.max) == LatencyBuckets.count - 1)
    #expect(LatencyBuckets.index(1 << 27) == LatencyBuckets.count - 1)
    for index in 1..<LatencyBuckets.count {
      #expect(LatencyBuckets.index(LatencyBuckets.end(index - 1)) == index)
      #expect(LatencyBuckets.index(LatencyBuckets.end(index) - 1) == index)
    }
  }

  /// A histogram that counts in powers of two has its bounds between buckets.
  @Test func powersOfTwoAreBounds() {
    for power in 0..<27 {
      let bound = LatencyBuckets.index(1 << UInt64(power))
      #expect(LatencyBuckets.end(bound - 1) == 1 << UInt64(power))
    }
  }

  @Test func percentiles() {
    #expect(LatencyBuckets.percentile(0.5, of: [:]) == nil)
    var counts: [Int: UInt64] = [:]
    for value in UInt64(1)...1000 { counts[LatencyBuckets.index(value), default: 0] += 1 }
    for (share, exact) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
      let found = LatencyBuckets.percentile(share, of: counts).map { Double($0) } ?? 0
      #expect(found >= exact && found <= exact * 1.126 + 1, "\(share): \(found)")
    }
    #expect(LatencyBuckets.percentile(0.999, of: [5: 999, 100: 1]) == LatencyBuckets.end(5))
    #expect(LatencyBuckets.percentile(0.9991, of: [5: 999, 100: 1]) == LatencyBuckets.end(100))
  }
}
