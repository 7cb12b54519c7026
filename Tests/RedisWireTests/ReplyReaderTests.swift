import Testing

@testable import RedisStore

@Suite struct ReplyReaderTests {
  private func reader() -> RedisReplyReader {
    RedisReplyReader(replyBytesMax: 1 << 20, replyElementsMax: 10_000)
  }

  /// Every reply in `bytes`, fed by pieces of `size`; nil when the reader refuses.
  private func replies(_ bytes: [UInt8], size: Int, _ reader: RedisReplyReader) -> [RedisValue]? {
    var values: [RedisValue] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = bytes[start..<min(start + size, bytes.count)]
      guard unsafe piece.withUnsafeBytes({ unsafe reader.feed($0) }) else { return nil }
      reading: while true {
        switch reader.next() {
        case .reply: values.append(reader.reply.value)
        case .needsMore: break reading
        case .malformed: return nil
        }
      }
    }
    return values
  }

  private func encoded(_ value: RedisValue) -> String {
    switch value {
    case .nothing: "$-1\r\n"
    case .integer(let number): ":\(number)\r\n"
    case .status(let text): "+\(text)\r\n"
    case .error(let error): "-\(error.message)\r\n"
    case .bytes(let bytes): "$\(bytes.count)\r\n\(String(decoding: bytes, as: UTF8.self))\r\n"
    case .array(let elements): "*\(elements.count)\r\n" + elements.map(encoded).joined()
    }
  }

  private func random(depth: Int, _ generator: inout some RandomNumberGenerator) -> RedisValue {
    switch Int.random(in: 0...(depth < 6 ? 6 : 4), using: &generator) {
    case 0: .nothing
    case 1: .integer(.random(in: .min ... .max, using: &generator))
    case 2: .status("OK")
    case 3: .error(RedisErrorReply(message: "ERR no\tgood"))
    case 4: .bytes(Array("é\r\n$0\0".utf8.prefix(.random(in: 0...1, using: &generator) * 7)))
    default:
      .array(
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in random(depth: depth + 1, &generator) })
    }
  }

  @Test func splitAtEveryByte() {
    let values: [RedisValue] = [
      .status("OK"), .error(RedisErrorReply(message: "WRONG kind")), .integer(-7), .integer(.min), .nothing,
      .bytes([]), .bytes(Array("a\r\nb".utf8)), .array([]),
      .array([.integer(1), .array([.bytes([120]), .nothing, .array([.array([])])]), .status("")]),
    ]
    let bytes = Array(values.map(encoded).joined().utf8)
    for cut in 0...bytes.count {
      let reader = reader()
      let first = replies(Array(bytes[..<cut]), size: 8192, reader)
      let second = replies(Array(bytes[cut...]), size: 8192, reader)
      #expect((first ?? []) + (second ?? []) == values, "cut at \(cut)")
    }
    #expect(replies(bytes, size: 1, reader()) == values)
  }

  @Test func randomRepliesInRandomPieces() {
    var generator = SystemRandomNumberGenerator()
    let reader = reader()
    for _ in 0..<300 {
      let values = (0..<20).map { _ in random(depth: 0, &generator) }
      let bytes = Array(values.map(encoded).joined().utf8)
      #expect(replies(bytes, size: .random(in: 1...300, using: &generator), reader) == values)
    }
  }

  @Test(arguments: [
    "HTTP/1.1 400 Bad Request\r\n", "\0\0\0\0\r\n", "?\r\n", ":12x\r\n", ":99999999999999999999\r\n",
    "$x\r\n",
    "$-2\r\n", "*-2\r\n", "*99999999999\r\n", "*10001\r\n", "*2147483647\r\n", "_\r\n", "%1\r\n",
    // Bounded though each array alone is within the limit.
    "*9000\r\n*9000\r\n", String(repeating: "*1\r\n", count: 10),
  ])
  func malformed(text: String) {
    #expect(replies(Array(text.utf8), size: 1, reader()) == nil)
    #expect(replies(Array(text.utf8), size: 8192, reader()) == nil)
  }

  @Test func aBulkPastTheLimitIsRefusedBeforeItIsAllThere() {
    let reader = reader()
    let start = Array("$9999999999\r\n".utf8)
    var fed = 0
    #expect(replies(start, size: 64, reader) == [])
    let more = [UInt8](repeating: 120, count: 8192)
    while fed < 4 << 20, replies(more, size: 8192, reader) != nil { fed += more.count }
    #expect(fed <= 1 << 20)
  }

  @Test func manyStringsOfOneReplyAreBoundedTogether() {
    let element = "$100000\r\n" + String(repeating: "x", count: 100_000) + "\r\n"
    let text = "*20\r\n" + String(repeating: element, count: 20)
    #expect(replies(Array(text.utf8), size: 8192, reader()) == nil)
  }

  @Test func theBytesOfAReply() {
    let reader = reader()
    let elements = "$16\r\n-999999999999999\r\n:12\r\n+OK\r\n$20\r\n-9223372036854775808\r\n$3\r\n1e3\r\n"
    let text = Array(("*5\r\n" + elements).utf8)
    _ = unsafe text.withUnsafeBytes { unsafe reader.feed($0) }
    guard case .reply = reader.next() else {
      Issue.record("no reply")
      return
    }
    let reply = reader.reply
    let decimals = (0..<reply.count).map { reply[$0].decimal }
    #expect(decimals == [-999_999_999_999_999, 12, nil, .min, nil])
    let (isOK, isO, byte) = (reply[2].equals("OK"), reply[2].equals("O"), reply[4].byte(at: 1))
    #expect(isOK && !isO && byte == UInt8(ascii: "e"))
  }
}
