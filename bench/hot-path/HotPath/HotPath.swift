internal import CCounting
internal import Glibc

/// Runs one case so many times, and prints what was counted as one line of JSON. `run` beside this folder builds
/// it, calls it for every case, with and without valgrind, and compares.
@main
struct HotPath {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let benchmark = Benchmark(rawValue: arguments[1]),
      let iterations = Int(arguments[2]), iterations > 0
    else {
      print("Usage: hot-path CASE ITERATIONS, of:")
      for benchmark in Benchmark.allCases { print("  \(benchmark.rawValue)") }
      exit(2)
    }
    let counts = try await benchmark.run(iterations)
    print(
      """
      {"iterations":\(counts.iterations),"mallocs":\(counts.allocations),"bytes":\(counts.bytes),\
      "nanoseconds":\(counts.nanoseconds)}
      """)
  }
}

/// The cases, by the names that the baseline knows them by.
enum Benchmark: String, CaseIterable {
  case head = "http-head"
  case body = "json-body"
  case token1k = "token-1k"
  case token100k = "token-100k"
  case encode = "redis-encode"
  case decode = "redis-decode"
  case response
  case whole1 = "whole-1"
  case whole16 = "whole-16"
  case pipelined16 = "whole-16-pipelined"

  func run(_ iterations: Int) async throws -> Counts {
    switch self {
    case .head: HeadParsing.run(iterations)
    case .body: BodyParsing.run(iterations)
    case .token1k: TokenLookup.run(iterations, entries: 1_000)
    case .token100k: TokenLookup.run(iterations, entries: 100_000)
    case .encode: try await RedisWire.run(iterations, part: .encode)
    case .decode: try await RedisWire.run(iterations, part: .decode)
    case .response: try await ResponseEncoding.run(iterations)
    case .whole1: try await WholePath.run(iterations, connections: 1, depth: 1)
    case .whole16: try await WholePath.run(iterations, connections: 16, depth: 1)
    case .pipelined16: try await WholePath.run(iterations, connections: 1, depth: 16)
    }
  }
}

/// What a number of iterations took, on the thread that did them.
struct Counts {
  /// As many as were counted: asked for, rounded up to whole batches.
  var iterations: Int
  var allocations: UInt64
  var bytes: UInt64
  var nanoseconds: UInt64

  /// As many iterations as all have, each as in the one of them with the median of mallocs: timers, which fall into
  /// some, are not a request's.
  static func typical(of stretches: [Counts]) -> Counts {
    let sorted = stretches.sorted { $0.allocations < $1.allocations }
    var counts = sorted[sorted.count / 2]
    counts.iterations *= stretches.count
    counts.allocations *= UInt64(stretches.count)
    counts.bytes *= UInt64(stretches.count)
    counts.nanoseconds = stretches.reduce(0) { $0 + $1.nanoseconds }
    return counts
  }

  /// What this thread has counted.
  static func ofThisThread(iterations: Int) -> Counts {
    let counts = hot_path_counted()
    return Counts(
      iterations: iterations, allocations: counts.allocations, bytes: counts.bytes,
      nanoseconds: counts.nanoseconds)
  }

  /// Counts `iterations` of `body` on this thread, after some that let storage grow to its size.
  static func counting(_ iterations: Int, _ body: () -> Void) -> Counts {
    for _ in 0..<100 { body() }
    hot_path_begin()
    for _ in 0..<iterations { body() }
    hot_path_end()
    return ofThisThread(iterations: iterations)
  }
}
