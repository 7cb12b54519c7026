internal import NIOCore

/// How long to wait before the next attempt to connect: doubling from `first` to `max`, of which half is
/// left to chance, so that the gates of a fleet don't come back in step.
struct ReconnectBackoff {
  private let first: TimeAmount
  private let max: TimeAmount
  private var failures = 0
  private var random: UInt64

  /// The same `seed` gives the same waits.
  init(first: TimeAmount, max: TimeAmount, seed: UInt64) {
    self.first = first
    self.max = max
    self.random = seed
  }

  mutating func reset() { failures = 0 }

  mutating func next() -> TimeAmount {
    let doublings = min(failures, 20)
    failures += 1
    let whole = min(first.nanoseconds << Int64(doublings), max.nanoseconds)
    let half = whole / 2
    return .nanoseconds(half + Int64(nextRandom() % UInt64(Swift.max(half, 1))))
  }

  /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
  private mutating func nextRandom() -> UInt64 {
    random &+= 0x9E37_79B9_7F4A_7C15
    var mixed = random
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
