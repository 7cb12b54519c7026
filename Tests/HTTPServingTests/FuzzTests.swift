import HTTPServing
import Testing

/// Random bytes and mutated requests: never a crash, and never a result that depends on how they were cut.
@Suite("Parser: fuzz")
struct FuzzTests {
  static let seeds: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /v1/check?x=y HTTP/1.1\r\nHost: a\r\nX-TLE-Token: tle_x\r\nContent-Length: 5\r\n\r\nhello",
    "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;e=f\r\nhello\r\n0\r\nT: u\r\n\r\n",
    "PUT http://h:1/p HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
  ]
  static let spice: [String] = [
    "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "?", "/", "HTTP/1.1", "Host: b\r\n", "\r\n\r\n", "0",
    "f",
    "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "\u{ff}",
    "Expect: 100-continue\r\n",
  ]

  @Test func resultsDoNotDependOnTheCuts() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("HTTP parser fuzz seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    let limits = HTTPLimits(
      headBytesMax: 220, headersMax: 8, trailerBytesMax: 24, chunkExtensionBytesMax: 12)
    for round in 0..<2_500 {
      let bytes = Self.input(&random)
      let whole = ParserHarness.run(bytes, limits: limits, bodyBytesMax: 40)
      for _ in 0..<3 {
        let cuts = Self.cuts(bytes.count, &random)
        let cut = ParserHarness.run(bytes, cuts: cuts, limits: limits, bodyBytesMax: 40)
        guard cut == whole else {
          Issue.record("seed \(seed), round \(round): \(bytes) at \(cuts): \(cut), whole: \(whole)")
          return
        }
      }
    }
  }

  /// Some requests in a row, with bytes changed, dropped, doubled and put in between; or plain noise.
  private static func input(_ random: inout SeededGenerator) -> [UInt8] {
    if Int.random(in: 0..<20, using: &random) == 0 {
      return (0..<Int.random(in: 0..<300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    }
    var bytes: [UInt8] = []
    for _ in 0...Int.random(in: 0..<3, using: &random) {
      bytes += Array((seeds.randomElement(using: &random) ?? "").utf8)
    }
    for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: index)
      case 2: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      default: bytes.insert(contentsOf: Array((spice.randomElement(using: &random) ?? "").utf8), at: index)
      }
    }
    return bytes
  }

  private static func cuts(_ count: Int, _ random: inout SeededGenerator) -> [Int] {
    if Int.random(in: 0..<4, using: &random) == 0 { return Array(0..<count) }
    return (0..<Int.random(in: 1..<6, using: &random)).map { _ in Int.random(in: 0...count, using: &random) }
      .sorted()
  }
}
