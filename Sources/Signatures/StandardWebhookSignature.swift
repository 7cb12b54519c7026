/// The `webhook-signature` header of Standard Webhooks 1.0.0: `v1,` and HMAC-SHA256 of `id.timestamp.body` in
/// base 64, one per secret, with spaces between them.
/// Source: https://www.standardwebhooks.com, "Signature scheme" and "Webhook headers"
package enum StandardWebhookSignature {
  /// `timestamp` is the attempt's, in Unix seconds; the id has no full stop in it. The body is signed as it is
  /// sent, byte by byte.
  package static func sign(
    id: String, timestamp: Int64, body: [UInt8], secrets: SigningSecrets
  ) -> String {
    precondition(!id.utf8.contains(UInt8(ascii: ".")), "an id with a full stop could be read in two ways")
    let signed = Array("\(id).\(timestamp).".utf8) + body
    return secrets.keys.map { key in
      "v1," + Base64.encode(HMACSHA256.authenticationCode(for: signed, key: key))
    }.joined(separator: " ")
  }
}
