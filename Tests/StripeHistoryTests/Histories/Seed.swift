import Foundation
import StripeFake

/// Where all randomness of these tests comes from: always the same seed, so that what fails is a change's and not
/// chance's. `TOLLGATE_TEST_SEED` plays another one.
enum Seed {
  static let base: UInt64 = {
    let given = ProcessInfo.processInfo.environment["TOLLGATE_TEST_SEED"].flatMap { UInt64($0) }
    let seed = given ?? 4_865_080_124_055_986_758
    print("TOLLGATE_TEST_SEED=\(seed)")
    return seed
  }()

  /// How many times as much is played as by default: `TOLLGATE_TEST_TIMES`, 1 to 1000.
  static let times: Int = {
    let given = ProcessInfo.processInfo.environment["TOLLGATE_TEST_TIMES"].flatMap { Int($0) } ?? 1
    return max(1, min(given, 1000))
  }()

  /// Seeds of histories, another row of them for each test.
  static func histories(_ test: UInt64) -> some Sequence<UInt64> {
    var generator = SplitMix(seed: base &+ test &* 0x9E37_79B9)
    return sequence(state: generator) { state in
      generator = state
      let seed = generator.next()
      state = generator
      return seed
    }
  }
}
