/// The secrets that events to one target are signed with: one, or several while one is rolled, the new one first.
/// Each is `whsec_` and 24 to 64 bytes in base 64.
/// Source: https://www.standardwebhooks.com, "Signature scheme"
package struct SigningSecrets: Sendable {
  /// Why a list of secrets is refused. Says which one by its place (from 0), never its text.
  package enum Refusal: Error, Sendable, Equatable {
    case none
    /// Not `whsec_` and base 64.
    case malformed(index: Int)
    /// Fewer than 24 or more than 64 bytes.
    case length(index: Int, bytes: Int)
    /// Next to no randomness in it: left over from an example.
    case placeholder(index: Int)
  }

  /// Bytes of one secret.
  package static let byteCounts = 24...64
  /// 24 random bytes have fewer than 8 different values once in 10²⁴ times.
  private static let differentBytesMin = 8

  /// The bytes of each, decoded: that is the key.
  let keys: [[UInt8]]

  /// Throws when there is no secret, or one that can't be meant.
  package init(_ secrets: [String]) throws(Refusal) {
    guard !secrets.isEmpty else { throw .none }
    var keys: [[UInt8]] = []
    for (index, secret) in secrets.enumerated() {
      guard secret.hasPrefix("whsec_"), let key = Base64.decode(secret.dropFirst(6)) else {
        throw .malformed(index: index)
      }
      guard SigningSecrets.byteCounts.contains(key.count) else {
        throw .length(index: index, bytes: key.count)
      }
      guard Set(key).count >= SigningSecrets.differentBytesMin else { throw .placeholder(index: index) }
      keys.append(key)
    }
    self.keys = keys
  }
}
