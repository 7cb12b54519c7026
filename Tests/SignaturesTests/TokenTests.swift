import Signatures
import Testing

@Suite struct TokenTests {
  @Test func checksumVector() {
    // The check value that every catalogue of CRCs gives for CRC-32/ISO-HDLC.
    #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(CRC32.checksum([]) == 0)
  }

  @Test(arguments: Token.Prefix.allCases)
  func madeTokensAreValid(prefix: Token.Prefix) {
    for _ in 0..<200 {
      let token = Token.make(prefix: prefix)
      #expect(token.hasPrefix(prefix.rawValue))
      #expect(token.utf8.count == Token.characterCount)
      #expect(token.utf8.dropFirst(4).allSatisfy { isLetterOrDigit($0) })
      #expect(Token.checksumIsValid(token))
    }
  }

  @Test func tokensDiffer() {
    #expect(Set((0..<1000).map { _ in Token.make(prefix: .extension) }).count == 1000)
  }

  @Test func oneWrongCharacterIsNoticed() {
    let token = Array(Token.make(prefix: .extension).utf8)
    for index in token.indices {
      var changed = token
      changed[index] = changed[index] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
      #expect(!Token.checksumIsValid(String(decoding: changed, as: UTF8.self)), "index \(index)")
    }
  }

  @Test(arguments: ["", "tle_", "tle_abc", "xyz_" + String(repeating: "0", count: 49)])
  func othersAreNot(text: String) {
    #expect(!Token.checksumIsValid(text))
  }

  @Test func cutOrLongerOnesAreNot() {
    let token = Token.make(prefix: .service)
    #expect(!Token.checksumIsValid(String(token.dropLast())))
    #expect(!Token.checksumIsValid(token + "0"))
    // The prefix is under the checksum: a service key is no admin key.
    #expect(!Token.checksumIsValid("tga_" + token.dropFirst(4)))
  }

  private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}
