/// The `Stripe-Signature` header: `t=<unix>,v1=<hex>[,v1=…][,v0=…]` over `"<t>." + raw body`, HMAC-SHA256
/// with the whole secret as key. Stricter than Stripe's own clients where they disagree among themselves.
/// Source: https://docs.stripe.com/webhooks#verify-manually
package enum StripeSignature {
  /// Why an event isn't believed. For logs and metrics; the caller is told `signature_invalid` alone.
  package enum Refusal: String, Error, Sendable, CaseIterable {
    case timestampMissing = "timestamp_missing"
    case timestampMalformed = "timestamp_malformed"
    /// Two `t` would let a header be read in two ways.
    case timestampRepeated = "timestamp_repeated"
    /// No well-formed `v1`.
    case signatureMissing = "signature_missing"
    case mismatch
    /// Authentic, but older than the tolerance: a replay. Each of Stripe's own retries has a fresh `t`.
    case tooOld = "too_old"
    /// Authentic, but further in the future than the tolerance: someone's clock is wrong.
    case tooNew = "too_new"
  }

  /// Seconds that `t` may be away from now, either way.
  package static let toleranceSecondsDefault: Int64 = 300

  /// Returns when any `v1` fits any of the secrets and `t` is within the tolerance of `now` (both in Unix
  /// seconds). Must see the body as it came, before anything parses it.
  package static func verify(
    header: String, rawBody: [UInt8], secrets: WebhookSecrets, now: Int64,
    toleranceSeconds: Int64 = toleranceSecondsDefault
  ) throws(Refusal) {
    let fields = try parse(header)
    guard !fields.signatures.isEmpty else { throw .signatureMissing }
    let signedText = Array(fields.timestampText.utf8) + [UInt8(ascii: ".")] + rawBody
    var fits = false
    for key in secrets.keys {
      let expected = HMACSHA256.authenticationCode(for: signedText, key: key)
      // Every pair is compared, so that the time tells neither which secret nor which value fits.
      for signature in fields.signatures where ConstantTime.equal(expected, signature) { fits = true }
    }
    guard fits else { throw .mismatch }
    let (age, overflow) = now.subtractingReportingOverflow(fields.timestamp)
    guard !overflow else { throw fields.timestamp > now ? .tooNew : .tooOld }
    if age > toleranceSeconds { throw .tooOld }
    if age < -toleranceSeconds { throw .tooNew }
  }

  /// The header that Stripe would send for this body at `timestamp` (Unix seconds), with one `v1` per
  /// secret: for fixtures and `tollgate webhook send`.
  package static func sign(rawBody: [UInt8], secrets: WebhookSecrets, timestamp: Int64) -> String {
    let signedText = Array("\(timestamp).".utf8) + rawBody
    return secrets.keys.reduce("t=\(timestamp)") { header, key in
      header + ",v1=" + Hex.encode(HMACSHA256.authenticationCode(for: signedText, key: key))
    }
  }

  private struct Fields {
    var timestamp: Int64
    /// As it was sent, for it is signed as it was sent.
    var timestampText: Substring
    var signatures: [[UInt8]]
  }

  private static func parse(_ header: String) throws(Refusal) -> Fields {
    var timestampText: Substring?
    var signatures: [[UInt8]] = []
    for item in header.split(separator: ",") {
      let item = item.drop { $0 == " " || $0 == "\t" }
      guard let equals = item.firstIndex(of: "=") else { continue }
      let value = item[item.index(after: equals)...]
      switch item[..<equals] {
      case "t":
        guard timestampText == nil else { throw .timestampRepeated }
        timestampText = value
      case "v1":
        // A malformed value is skipped: beside it there may be a good one.
        guard value.utf8.count == 64, let bytes = Hex.decode(value, lowercaseOnly: true) else { continue }
        signatures.append(bytes)
      default:
        continue
      }
    }
    guard let timestampText else { throw .timestampMissing }
    // Digits alone: `Int64` by itself would take a sign.
    guard timestampText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let timestamp = Int64(timestampText)
    else { throw .timestampMalformed }
    return Fields(timestamp: timestamp, timestampText: timestampText, signatures: signatures)
  }
}
