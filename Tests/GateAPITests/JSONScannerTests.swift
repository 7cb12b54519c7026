import Foundation
import Gate
import Testing

@testable import GateAPI

struct JSONScannerTests {
  private enum Outcome: Equatable {
    case read
    case malformed
    case field(String)
  }

  private func scan(_ bytes: [UInt8], _ allowed: GateBody.Fields = .check) -> (GateBody, Outcome) {
    var body = GateBody()
    do throws(JSONScanner.Failure) {
      var scanner = JSONScanner(bytes.span)
      try scanner.readObject(into: &body, allowed: allowed)
      return (body, .read)
    } catch {
      switch error {
      case .malformed: return (body, .malformed)
      case .field(let field): return (body, .field(field.field))
      }
    }
  }

  @Test func readsEveryField() {
    let text = #"""
      {"feature":"ch\u0061t","tokens":999999999999999,"mode":"reserve","user":"u\/1","ttl_s":5,"partial":true,
       "metadata":{"a":[1,-2.5e3,null,true,"\ud83d\ude80"],"b":{}}}
      """#
    let (body, outcome) = scan(Array(text.utf8))
    #expect(outcome == .read)
    #expect(body.feature == "chat")
    #expect(body.tokens == Limits.tokensMax)
    #expect(body.mode == "reserve")
    #expect(body.user == "u/1")
    #expect(body.ttlSeconds == 5)
    #expect(body.partial)
    #expect(body.metadata == #"{"a":[1,-2.5e3,null,true,"\ud83d\ude80"],"b":{}}"#)
  }

  @Test(arguments: [
    "", " ", "{", "}", "[]", "null", "1", "{\"tokens\"}", "{\"tokens\":}", "{\"tokens\":1,}", "{,}",
    "{\"tokens\":01}",
    "{\"tokens\":1}x", "{tokens:1}", "{'tokens':1}", "{\"tokens\":+1}", "{\"tokens\":1.}",
    "{\"user\":\"a\nb\"}",
    "{\"user\":\"\\x\"}", "{\"user\":\"\\ud800\"}", "{\"user\":\"\\ud800\\u0041\"}", "{\"user\":\"\\u0000\"}",
    "{\"user\":\"a", "{\"metadata\":{\"a\":\"\\u0000\"}}", "{\"tokens\":1\u{0}}",
  ]) func refusesWhatIsNoObject(_ text: String) {
    #expect(scan(Array(text.utf8)).1 == .malformed)
  }

  @Test(arguments: [
    ("{\"tokens\":-1}", "tokens"), ("{\"tokens\":1.0}", "tokens"), ("{\"tokens\":1e3}", "tokens"),
    ("{\"tokens\":\"1\"}", "tokens"), ("{\"tokens\":[1]}", "tokens"),
    ("{\"tokens\":1000000000000000}", "tokens"),
    ("{\"tokens\":99999999999999999999999}", "tokens"), ("{\"ttl_s\":0}", "ttl_s"),
    ("{\"partial\":1}", "partial"),
    ("{\"mode\":1}", "mode"), ("{\"metadata\":[]}", "metadata"), ("{\"tokns\":1}", "tokns"),
    ("{\"tokens\":1,\"tokens\":1}", "tokens"), ("{\"outcome\":\"x\"}", "outcome"),
  ]) func namesTheFieldThatIsWrong(_ text: String, field: String) {
    #expect(scan(Array(text.utf8)).1 == .field(field))
  }

  @Test func nothingIsTooDeepOrTooLong() {
    let deep = String(repeating: "[", count: 50_000)
    #expect(scan(Array("{\"metadata\":\(deep)".utf8)).1 == .malformed)
    let long = String(repeating: "a", count: Limits.metadataBytesMax)
    #expect(scan(Array("{\"metadata\":{\"a\":\"\(long)\"}}".utf8)).1 == .field("metadata"))
  }

  @Test func invalidUTF8IsRefused() {
    #expect(scan(Array("{\"user\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)).1 == .malformed)
    #expect(scan(Array("{\"user\":\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8)).1 == .malformed)
  }

  /// Over mutations of a good body, the scanner reads nothing that Foundation doesn't read as an object; but for
  /// exponents, which the scanner skips and Foundation works out.
  @Test func readsNothingThatFoundationRefuses() {
    let seed = UInt64(ProcessInfo.processInfo.environment["FUZZ_SEED"] ?? "") ?? .random(in: 0 ... .max)
    print("FUZZ_SEED=\(seed)")
    var random = SeededRandom(state: seed)
    let good = Array(#"{"metadata":{"a":[1,{"b":"cA"},-0.5e2],"c":null,"d":false},"tokens":12}"#.utf8)
    let bytes = Array("{}[]\",:\\0123456789.eE+-truefalsnu \u{1}".utf8)
    for _ in 0..<20_000 {
      var text = good
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[index] = bytes.randomElement(using: &random) ?? 0
        case 1: text.remove(at: index)
        default: text.insert(bytes.randomElement(using: &random) ?? 0, at: index)
        }
      }
      let outcome = scan(text).1
      let isObject = (try? JSONSerialization.jsonObject(with: Data(text))) is [String: Any]
      let hasExponent = zip(text, text.dropFirst()).contains { digit, letter in
        (0x30...0x39).contains(digit) && letter | 0x20 == 0x65
      }
      if outcome == .read, !hasExponent { #expect(isObject, "\(String(decoding: text, as: UTF8.self))") }
    }
  }
}

/// SplitMix64. Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators".
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
