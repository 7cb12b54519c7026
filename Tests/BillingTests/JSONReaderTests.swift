import Billing
import Foundation
import Testing

@Suite struct JSONReaderTests {
  private func read(_ text: String) -> JSONValue? { JSONValue(json: Array(text.utf8)) }

  @Test func values() {
    let values: [(String, JSONValue)] = [
      ("null", .null), (" true\n", .bool(true)), ("\tfalse\r", .bool(false)), ("[]", .array([])),
      ("{ }", .object([:])), ("\"\"", .string("")), ("0", .int(0)), ("-0", .int(0)), ("-12", .int(-12)),
      ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
      ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("2000.0", .int(2000)),
      ("1.5", .double(1.5)),
      ("1E+2", .int(100)), ("25e-1", .double(2.5)),
      ("[1, [2],{\"a\" :3}]", .array([.int(1), .array([.int(2)]), .object(["a": .int(3)])])),
      (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{C}\n\r\tz")),
      (#""Zoë \u00eb\u0000""#, .string("Zoë ë\u{0}")),
      (#""\ud83d\ude80 🚀""#, .string("🚀 🚀")), (#""e\u0301""#, .string("e\u{301}")),
      (#"{"a":1,"a":2}"#, .object(["a": .int(2)])),
    ]
    for (text, value) in values { #expect(read(text) == value, "\(text)") }
  }

  @Test func whatIsNoJSON() {
    let texts = [
      "", " ", "nul", "truefalse", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "[", "{",
      "\"", "\"\\\"",
      "\"\n\"", "01", "+1", "1.", ".5", "1e", "1e999", "-", "0x1", "NaN", "Infinity", #""\x""#, #""\u12""#,
      #""\u+123""#,
      #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, "[] []", "'a'", "\u{FEFF}1",
    ]
    for text in texts { #expect(read(text) == nil, "\(text)") }
    #expect(JSONValue(json: [0x22, 0xFF, 0x22]) == nil)
    #expect(JSONValue(json: [0x22, 0xC0, 0xAF, 0x22]) == nil)
  }

  @Test func nestingIsBounded() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(read(nested(64)) != nil)
    #expect(read(nested(65)) == nil)
    #expect(read(nested(500_000)) == nil)
  }

  /// What Foundation takes and refuses, over events with random bytes changed; but for a comma at the end of a
  /// list, which only Foundation takes.
  @Test(arguments: DecoderTests.fixtures)
  func asFoundation(path: String) throws {
    var random = SplitMix.seeded("FUZZ_SEED")
    let original = try DecoderTests.bytes(path)
    #expect(isJSON(original) && JSONValue(json: original) != nil)
    let bytes = Array(#"{}[]":\ 01-+.eu"#.utf8)
    for _ in 0..<200 {
      var changed = original
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let index = Int.random(in: 0..<changed.count, using: &random)
        if Bool.random(using: &random) {
          changed[index] = bytes.randomElement(using: &random) ?? 0
        } else {
          changed.remove(at: index)
        }
      }
      let text = String(decoding: changed, as: UTF8.self)
      #expect((JSONValue(json: changed) != nil) == isJSON(changed), "\(text)")
    }
  }

  private func isJSON(_ bytes: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
  }
}
