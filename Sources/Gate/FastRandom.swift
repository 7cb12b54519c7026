/// Random numbers for ids and jitter, where being unique is all that counts; never for secrets.
/// Source: Blackman and Vigna, xoshiro256**.
package struct FastRandom: RandomNumberGenerator {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// Seeded by the system.
  package init() {
    state = (
      .random(in: 1 ... .max), .random(in: 0 ... .max), .random(in: 0 ... .max), .random(in: 0 ... .max)
    )
  }

  package mutating func next() -> UInt64 {
    let result = FastRandom.rotated(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = FastRandom.rotated(state.3, by: 45)
    return result
  }

  private static func rotated(_ value: UInt64, by bits: UInt64) -> UInt64 {
    value << bits | value >> (64 - bits)
  }
}
