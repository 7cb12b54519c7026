import HTTPServing
import NIOCore

/// What a parser made of some bytes, in a form that two runs can be compared by.
struct Outcome: Equatable, Sendable, CustomStringConvertible {
  struct Request: Equatable, Sendable {
    var method: String
    var path: String
    var query: String?
    var minor: Int
    var fields: [String]
    var body: String
    var keepAlive: Bool
  }

  enum End: Equatable, Sendable {
    case needMore
    case rejected(Int, String)
  }

  var requests: [Request] = []
  var end = End.needMore

  var status: Int? {
    if case .rejected(let status, _) = end { status } else { nil }
  }

  var description: String { "\(requests) then \(end)" }
}

/// Feeds bytes to a parser in pieces, as a connection would.
struct ParserHarness {
  var inbound: HTTPInbound
  var bodyBytesMax: Int
  var outcome = Outcome()

  init(limits: HTTPLimits = HTTPLimits(), bodyBytesMax: Int = 65_536) {
    inbound = HTTPInbound(limits: limits)
    self.bodyBytesMax = bodyBytesMax
  }

  /// Parses `bytes`, cut at the offsets in `cuts`, which must be ascending.
  static func run(
    _ bytes: [UInt8], cuts: [Int] = [], limits: HTTPLimits = HTTPLimits(), bodyBytesMax: Int = 65_536
  ) -> Outcome {
    var harness = ParserHarness(limits: limits, bodyBytesMax: bodyBytesMax)
    var lower = 0
    for cut in cuts + [bytes.count] where harness.outcome.end == .needMore {
      harness.feed(bytes[lower..<cut])
      lower = cut
    }
    return harness.outcome
  }

  static func run(
    _ text: String, limits: HTTPLimits = HTTPLimits(), bodyBytesMax: Int = 65_536
  ) -> Outcome {
    run(Array(text.utf8), limits: limits, bodyBytesMax: bodyBytesMax)
  }

  mutating func feed(_ bytes: ArraySlice<UInt8>) {
    var buffer = ByteBuffer(bytes: bytes)
    inbound.append(&buffer)
    while true {
      switch inbound.next() {
      case .needMore:
        return
      case .head:
        inbound.bodyBytesMax = bodyBytesMax
      case .complete:
        outcome.requests.append(request())
        inbound.finishRequest()
      case .failed(let rejection):
        outcome.end = .rejected(rejection.status, rejection.reason.description)
        return
      }
    }
  }

  private func request() -> Outcome.Request {
    let head = inbound.head
    return Outcome.Request(
      method: text(head.methodText), path: text(head.path), query: head.query.map(text),
      minor: head.versionMinor,
      fields: head.fields.map { "\(text($0.name).lowercased()): \(text($0.value))" },
      body: text(inbound.body), keepAlive: head.keepAlive)
  }

  /// The bytes of a slice as Latin-1, so that no two different bodies look alike.
  func text(_ slice: HTTPSlice) -> String {
    let bytes = inbound.bytes.getBytes(at: Int(slice.lower), length: slice.count) ?? []
    return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }
}

/// A small seeded generator (SplitMix64), so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
