import Signatures
import Testing

@Suite struct StandardWebhookTests {
  static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  static let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD/Sd7VmNxMWY="

  /// The vector that the reference libraries carry in their tests.
  @Test func theReferenceVector() throws {
    let header = StandardWebhookSignature.sign(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
      body: Array(#"{"test": 2432232314}"#.utf8), secrets: try SigningSecrets([Self.secret]))
    #expect(header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test func oneSignaturePerSecret() throws {
    func header(_ secrets: [String], _ timestamp: Int64 = 1, _ body: String = "{}") throws -> String {
      StandardWebhookSignature.sign(
        id: "evt_1", timestamp: timestamp, body: Array(body.utf8), secrets: try SigningSecrets(secrets))
    }
    let both = try header([Self.other, Self.secret])
    #expect(both == "\(try header([Self.other])) \(try header([Self.secret]))")
    // Each part is signed.
    let variants = [
      both, try header([Self.other, Self.secret], 2), try header([Self.other, Self.secret], 1, "[]"),
    ]
    #expect(Set(variants).count == 3)
  }

  @Test(
    arguments: [
      ("", .malformed(index: 0)), ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .malformed(index: 0)),
      ("whsec_", .length(index: 0, bytes: 0)),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", .malformed(index: 0)),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-", .malformed(index: 0)),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", .malformed(index: 0)),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==", .length(index: 0, bytes: 22)),
      ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .placeholder(index: 0)),
      ("whsec_changemechangemechangemechangeme", .placeholder(index: 0)),
    ] as [(String, SigningSecrets.Refusal)])
  func whatIsNoSecret(text: String, refusal: SigningSecrets.Refusal) {
    #expect(throws: refusal) { try SigningSecrets([text]) }
  }

  @Test func theLengthsOfTheSpecification() throws {
    for count in [23, 24, 64, 65] {
      let secret = "whsec_" + Base64.encode((0..<count).map { UInt8($0) })
      if SigningSecrets.byteCounts.contains(count) {
        _ = try SigningSecrets([Self.secret, secret])
      } else {
        #expect(throws: SigningSecrets.Refusal.length(index: 1, bytes: count)) {
          try SigningSecrets([Self.secret, secret])
        }
      }
    }
    #expect(throws: SigningSecrets.Refusal.none) { try SigningSecrets([]) }
  }

  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func base64(plain: String, encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }

  @Test(arguments: ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9_", "Zm9v\n"])
  func noBase64(text: String) { #expect(Base64.decode(text) == nil) }

  @Test func base64OfEveryByte() {
    let bytes = (0...255).map { UInt8($0) }
    #expect(Base64.decode(Base64.encode(bytes)) == bytes)
  }
}
