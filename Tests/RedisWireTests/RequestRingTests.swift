import NIOCore
import Testing

@testable import RedisStore

@Suite struct RequestRingTests {
  private func at(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(0) + .milliseconds(milliseconds)
  }

  @Test func itIsFirstInFirstOutAcrossItsEndAndItsGrowth() {
    var ring = RequestRing<Int>(capacity: 4)
    var next = 0
    var expected = 0
    // Three in, two out: the head moves around while the count grows past every capacity.
    for _ in 0..<200 {
      for _ in 0..<3 {
        ring.append(.init(role: .request, owner: next, tag: next, deadline: at(Int64(next))))
        next += 1
      }
      for _ in 0..<2 {
        #expect(ring.removeFirst()?.tag == expected)
        expected += 1
      }
    }
    #expect(ring.count == 200)
    while let entry = ring.removeFirst() {
      #expect(entry.tag == expected)
      expected += 1
    }
    #expect(expected == next)
    #expect(ring.earliestDeadline == .distantFuture)
  }

  @Test func aLateDeadlineAtTheHeadDoesNotHideEarlierOnesBehindIt() {
    var ring = RequestRing<Int>()
    for (tag, deadline) in [5000, 150, 160, 150].enumerated() {
      ring.append(.init(role: .request, owner: tag, tag: tag, deadline: at(Int64(deadline))))
    }
    var expired: [Int] = []
    #expect(ring.earliestDeadline == at(150))
    ring.expire(now: at(149)) { expired.append($0.tag) }
    #expect(expired.isEmpty)
    ring.expire(now: at(150)) { expired.append($0.tag) }
    #expect(expired == [1, 3])
    #expect(ring.earliestDeadline == at(160))
    ring.expire(now: at(151)) { expired.append($0.tag) }
    #expect(expired == [1, 3], "told once")
    #expect(ring.tombstones == 2)
    #expect(ring.count == 4, "their replies are still owed")
    let roles = [ring.removeFirst(), ring.removeFirst(), ring.removeFirst()].map { $0?.role }
    #expect(roles == [.request, .tombstone, .request])
    #expect(ring.tombstones == 1)
    var failed: [Int] = []
    ring.removeAll { failed.append($0.tag) }
    #expect(failed.isEmpty, "it was told already")
    #expect(ring.tombstones == 0 && ring.isEmpty)
  }

  @Test func waitsDoubleUpToTheLongest() {
    for seed in 0..<50 {
      var backoff = ReconnectBackoff(first: .milliseconds(50), max: .seconds(2), seed: UInt64(seed))
      for expected in [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000] {
        let wait = backoff.next()
        #expect(wait >= .milliseconds(Int64(expected) / 2) && wait <= .milliseconds(Int64(expected)))
      }
      backoff.reset()
      #expect(backoff.next() <= .milliseconds(50))
      for _ in 0..<100 { #expect(backoff.next() <= .seconds(2)) }
    }
  }
}
