import Signatures
import Testing

@Suite struct DigestTests {
  /// FIPS 180-4 examples (NIST CSRC, SHA256.pdf), and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func sha256(message: String, digest: String) {
    #expect(Hex.encode(SHA256.hash(message)) == digest)
    var hasher = TokenHasher()
    // Twice, for the context is used again.
    for _ in 0..<2 {
      let words = hasher.hash(Array(message.utf8))
      let text = [words.w0, words.w1, words.w2, words.w3].map { word in
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
      }
      #expect(text.joined() == digest)
    }
  }

  @Test func sha256OfAMillionLetters() {
    let digest = SHA256.hash([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
    #expect(Hex.encode(digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func hasherTakesSpans() {
    var hasher = TokenHasher()
    let bytes = Array("abc".utf8)
    let words = hasher.hash(bytes.span)
    #expect(words.w0 == 0xba78_16bf_8f01_cfea)
    #expect(words.w3 == 0xb410_ff61_f200_15ad)
  }

  /// RFC 4231, test cases 1 to 4, 6 and 7.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      [UInt8](1...25), [UInt8](repeating: 0xcd, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
  ])
  func hmac(key: [UInt8], message: [UInt8], code: String) {
    #expect(Hex.encode(HMACSHA256.authenticationCode(for: message, key: key)) == code)
  }

  @Test func hmacOfNothingUnderNothing() {
    let code = Hex.encode(HMACSHA256.authenticationCode(for: [], key: []))
    #expect(code == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
  }

  @Test func constantTimeComparison() {
    #expect(ConstantTime.equal([], []))
    #expect(ConstantTime.equal([1, 2, 3], [1, 2, 3]))
    #expect(!ConstantTime.equal([1, 2, 3], [1, 2, 4]))
    #expect(!ConstantTime.equal([1, 2, 3], [1, 2]))
    #expect(!ConstantTime.equal([], [0]))
  }

  @Test func randomBytesDiffer() {
    #expect(RandomBytes.make(count: 0).isEmpty)
    #expect(RandomBytes.make(count: 32).count == 32)
    #expect(RandomBytes.make(count: 32) != RandomBytes.make(count: 32))
  }

  @Test func hex() {
    #expect(Hex.encode([0x00, 0x9f, 0xff]) == "009fff")
    #expect(Hex.decode("009Fff") == [0x00, 0x9f, 0xff])
    #expect(Hex.decode("") == [])
    #expect(Hex.decode("009Fff", lowercaseOnly: true) == nil)
    #expect(Hex.decode("abc") == nil)
    #expect(Hex.decode("0g") == nil)
    #expect(Hex.decode("+1") == nil)
    #expect(Hex.decode("é") == nil)
  }
}
