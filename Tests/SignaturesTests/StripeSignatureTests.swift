import Signatures
import Testing

@Suite struct StripeSignatureTests {
  static let secret = "whsec_test_secret"
  static let time: Int64 = 1_700_000_000
  static let body = Array(#"{"id":"evt_1","object":"event"}"#.utf8)
  static let good = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd"

  private func refusal(
    _ header: String, body: [UInt8] = body, secrets: [String] = [secret], now: Int64 = time,
    tolerance: Int64 = StripeSignature.toleranceSecondsDefault
  ) throws -> StripeSignature.Refusal? {
    let secrets = try WebhookSecrets(secrets)
    do {
      try StripeSignature.verify(
        header: header, rawBody: body, secrets: secrets, now: now, toleranceSeconds: tolerance)
      return nil
    } catch {
      return error
    }
  }

  /// The vectors of STRIPE.md.
  @Test(arguments: [
    (#"{"id":"evt_1","object":"event"}"#, good),
    (
      #"{"id":"evt_1","object":"event","n":"Zoë 🚀"}"#,
      "84b82febeae6b5e6a80cbbb786df1baed5872e80f54ff565d50e4ae7bb4c31bb"
    ),
  ])
  func vectors(body: String, signature: String) throws {
    let header = "t=\(Self.time),v1=\(signature)"
    #expect(try refusal(header, body: Array(body.utf8)) == nil)
    let secrets = try WebhookSecrets([Self.secret])
    let made = StripeSignature.sign(rawBody: Array(body.utf8), secrets: secrets, timestamp: Self.time)
    #expect(made == header)
  }

  @Test func anotherBodySecretOrTimeIsAMismatch() throws {
    let header = "t=\(Self.time),v1=\(Self.good)"
    #expect(try refusal(header, body: Self.body + [32]) == .mismatch)
    #expect(try refusal(header, body: []) == .mismatch)
    #expect(try refusal(header, secrets: ["whsec_other_secret"]) == .mismatch)
    // The key is the whole string: without its prefix it is another key.
    #expect(try refusal(header, secrets: ["test_secret"]) == .mismatch)
    #expect(try refusal("t=\(Self.time + 1),v1=\(Self.good)") == .mismatch)
    // The time is signed as it was spelled.
    #expect(try refusal("t=0\(Self.time),v1=\(Self.good)") == .mismatch)
  }

  @Test func onlyVersionOneCounts() throws {
    #expect(try refusal("t=\(Self.time),v0=\(Self.good)") == .signatureMissing)
    #expect(try refusal("t=\(Self.time),V1=\(Self.good)") == .signatureMissing)
    #expect(try refusal("t=\(Self.time),v1=\(Self.good),v0=00") == nil)
    #expect(try refusal("t=\(Self.time)") == .signatureMissing)
  }

  @Test func anyValueFitsAnySecretWhileOneIsRolled() throws {
    let old = try WebhookSecrets(["whsec_old_secret"])
    let both = try WebhookSecrets(["whsec_old_secret", Self.secret])
    let header = StripeSignature.sign(rawBody: Self.body, secrets: both, timestamp: Self.time)
    #expect(header.split(separator: ",").count == 3)
    #expect(try refusal(header) == nil)
    #expect(try refusal(header, secrets: ["whsec_old_secret"]) == nil)
    let oldHeader = StripeSignature.sign(rawBody: Self.body, secrets: old, timestamp: Self.time)
    #expect(try refusal(oldHeader) == .mismatch)
    #expect(try refusal(oldHeader, secrets: [Self.secret, "whsec_old_secret"]) == nil)
  }

  @Test(arguments: [
    "v1=zz", "v1=", "v1", "v1=0c8670", "v1=" + good.uppercased(), "v1=" + good + "00", "v1=é", "=", "",
  ])
  func malformedValuesAreSkipped(item: String) throws {
    #expect(try refusal("t=\(Self.time),\(item),v1=\(Self.good)") == nil)
    #expect(try refusal("\(item),t=\(Self.time),v1=\(Self.good)") == nil)
    #expect(try refusal("t=\(Self.time),\(item)") == .signatureMissing)
  }

  @Test func timestampIsStrict() throws {
    #expect(try refusal("") == .timestampMissing)
    #expect(try refusal("v1=\(Self.good)") == .timestampMissing)
    for text in ["", "+\(Self.time)", "-1", "1.7e9", "0x10", "\(Self.time) ", "٣", "9223372036854775808"] {
      #expect(try refusal("t=\(text),v1=\(Self.good)") == .timestampMalformed, "\(text)")
    }
    #expect(try refusal("t=\(Self.time),t=\(Self.time),v1=\(Self.good)") == .timestampRepeated)
    #expect(try refusal("t=\(Self.time),v1=\(Self.good),t=1") == .timestampRepeated)
  }

  @Test func toleranceHoldsEitherWay() throws {
    let header = "t=\(Self.time),v1=\(Self.good)"
    #expect(try refusal(header, now: Self.time + 300) == nil)
    #expect(try refusal(header, now: Self.time + 301) == .tooOld)
    #expect(try refusal(header, now: Self.time - 300) == nil)
    #expect(try refusal(header, now: Self.time - 301) == .tooNew)
    #expect(try refusal(header, now: Self.time + 1, tolerance: 0) == .tooOld)
    // No arithmetic may trap, whatever is signed.
    #expect(try refusal(header, now: .min) == .tooNew)
    #expect(try refusal(header, now: .max) == .tooOld)
  }

  @Test func secretsThatVerifyAnythingAreRefused() {
    #expect(throws: WebhookSecrets.Refusal.none) { try WebhookSecrets([]) }
    #expect(throws: WebhookSecrets.Refusal.empty(index: 0)) { try WebhookSecrets([""]) }
    #expect(throws: WebhookSecrets.Refusal.empty(index: 1)) { try WebhookSecrets([Self.secret, ""]) }
    #expect(throws: WebhookSecrets.Refusal.unprintable(index: 0)) { try WebhookSecrets(["whsec_abc\n"]) }
    #expect(throws: WebhookSecrets.Refusal.unprintable(index: 0)) { try WebhookSecrets([" "]) }
    let placeholders = [
      "whsec_", "whsec_...", "whsec_xxxxxxxxxxxx", "whsec_XXXX", "changeme", "whsec_your_secret_here",
      "<secret>", "whsec_placeholder", "${STRIPE_SECRET}", "secret", "whsec_secret", "whsec_0000",
    ]
    for placeholder in placeholders {
      #expect(throws: WebhookSecrets.Refusal.placeholder(index: 0)) { try WebhookSecrets([placeholder]) }
    }
    #expect(throws: Never.self) { try WebhookSecrets([Self.secret, "whsec_9f8e7d6c5b4a"]) }
  }
}
