import HTTPServing
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// Well-formed requests: we and NIO's decoder (llhttp) read the same in them. Where we are stricter on
/// purpose, `MaliciousRequestTests` says so; llhttp accepts, for one, obs-text in targets, other versions
/// than 1.0 and 1.1 (to a degree), chunk extensions of any length, and requests without Host.
@Suite("Parser: the same as NIOHTTP1 on well-formed requests")
struct DifferentialTests {
  @Test func agreesOnRandomRequests() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("HTTP differential test seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    for round in 0..<600 {
      let requests = (0...Int.random(in: 0..<3, using: &random)).map { _ in Self.request(&random) }
      let bytes = requests.flatMap { $0 }
      let ours = ParserHarness.run(bytes)
      let theirs = try Self.decode(bytes)
      guard ours.end == .needMore, ours.requests == theirs else {
        let index = zip(ours.requests, theirs).prefix { $0 == $1 }.count
        Issue.record(
          """
          seed \(seed), round \(round), request \(index): \(ours.end)
          ours: \(ours.requests.dropFirst(index).first.map { "\($0)" } ?? "none")
          theirs: \(theirs.dropFirst(index).first.map { "\($0)" } ?? "none")
          """)
        return
      }
    }
  }

  /// One well-formed request, with everything that the grammar leaves free chosen at random.
  private static func request(_ random: inout SeededGenerator) -> [UInt8] {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"]
    let visible = Array(0x21...0x7E as ClosedRange<UInt8>).filter { $0 != UInt8(ascii: "#") }
    var target: [UInt8] = [UInt8(ascii: "/")]
    for _ in 0..<Int.random(in: 0..<40, using: &random) {
      target.append(visible.randomElement(using: &random) ?? 0x61)
    }
    var bytes = Array("\(methods.randomElement(using: &random) ?? "GET") ".utf8) + target
    bytes += Array(" HTTP/1.1\r\nHost: gate.example:8080\r\n".utf8)
    for _ in 0..<Int.random(in: 0..<12, using: &random) { bytes += field(&random) }
    let body = (0..<Int.random(in: 1..<200, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    switch Int.random(in: 0..<3, using: &random) {
    case 0: bytes += Array("\r\n".utf8)
    case 1: bytes += Array("CONTENT-length:  \(body.count) \r\n\r\n".utf8) + body
    default: bytes += Array("transfer-encoding: chunked\r\n\r\n".utf8) + chunks(body, &random)
    }
    return bytes
  }

  private static func field(_ random: inout SeededGenerator) -> [UInt8] {
    let token = Array("abcXYZ019!$%&'*+-.^_`|~".utf8)
    // Without obs-text, which NIO makes into UTF-8 while we keep the bytes.
    let content = Array(0x21...0x7E as ClosedRange<UInt8>)
    // The prefix keeps it from being a name that means something.
    var bytes = Array("q-".utf8)
    for _ in 0..<Int.random(in: 0..<20, using: &random) {
      bytes.append(token.randomElement(using: &random) ?? 0x61)
    }
    bytes.append(UInt8(ascii: ":"))
    bytes += ["", " ", "  ", "\t", " \t "].randomElement(using: &random).map { Array($0.utf8) } ?? []
    for word in 0..<Int.random(in: 0..<4, using: &random) {
      if word > 0 { bytes.append(Bool.random(using: &random) ? 0x20 : 0x09) }
      for _ in 0...Int.random(in: 0..<12, using: &random) {
        bytes.append(content.randomElement(using: &random) ?? 0x61)
      }
    }
    bytes += ["", " ", "\t"].randomElement(using: &random).map { Array($0.utf8) } ?? []
    return bytes + [13, 10]
  }

  private static func chunks(_ body: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = body[...]
    while !rest.isEmpty {
      let size = Int.random(in: 1...rest.count, using: &random)
      let digits = String(size, radix: 16, uppercase: Bool.random(using: &random))
      let zeros = String(repeating: "0", count: Int.random(in: 0..<3, using: &random))
      let suffix = Bool.random(using: &random) ? ";name=value" : ""
      bytes += Array("\(zeros)\(digits)\(suffix)\r\n".utf8) + rest.prefix(size) + [13, 10]
      rest = rest.dropFirst(size)
    }
    return bytes + Array((Bool.random(using: &random) ? "0\r\nq-trailer: x\r\n\r\n" : "0\r\n\r\n").utf8)
  }

  /// What NIO's decoder reads.
  private static func decode(_ bytes: [UInt8]) throws -> [Outcome.Request] {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
      ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
    defer { _ = try? channel.finish() }
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    var requests: [Outcome.Request] = []
    while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
      switch part {
      case .head(let head):
        let target = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        requests.append(
          Outcome.Request(
            method: head.method.rawValue, path: String(target[0]),
            query: target.count > 1 ? String(target[1]) : nil, minor: head.version.minor,
            fields: head.headers.map { "\($0.name.lowercased()): \(trimmed($0.value))" }, body: "",
            keepAlive: head.isKeepAlive))
      case .body(let buffer):
        requests[requests.count - 1].body += latin1(buffer.readableBytesView)
      case .end:
        break
      }
    }
    return requests
  }

  /// NIO leaves the white space after a value, which RFC 9110 doesn't count as part of it.
  private static func trimmed(_ value: String) -> Substring {
    var value = value[...]
    while let last = value.last, last == " " || last == "\t" { value.removeLast() }
    return value
  }

  private static func latin1(_ bytes: some Sequence<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }
}
