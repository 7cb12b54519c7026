import Foundation

/// A generator with a seed that can be printed. Source: Steele, Lea, Flood, "Fast Splittable PRNGs", 2014.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  /// From the environment, else random; printed either way, so that a failure can be had again.
  static func seeded(_ name: String) -> SplitMix {
    let given = ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    let seed = given ?? .random(in: 0 ... .max)
    print("\(name)=\(seed)")
    return SplitMix(state: seed)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
