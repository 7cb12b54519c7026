/// The secrets of the webhook endpoint: one, or several while one is rolled. Can't be made from anything
/// that would verify what Stripe never signed.
package struct WebhookSecrets: Sendable {
  /// Why a list of secrets is refused. Says which one by its place (from 0), never its text.
  package enum Refusal: Error, Sendable, Equatable {
    case none
    /// An empty key verifies anything that is signed with the empty key, by anyone.
    case empty(index: Int)
    /// Something like `whsec_...` or `changeme`, which is left over from an example.
    case placeholder(index: Int)
    /// Spaces, control or non-ASCII characters: a line break at the end of a secret file, mostly.
    case unprintable(index: Int)
  }

  /// The bytes of each whole secret, `whsec_` included: that is the key, it isn't decoded.
  let keys: [[UInt8]]

  /// Throws when there is no secret, or one that is empty, a placeholder or unprintable.
  package init(_ secrets: [String]) throws(Refusal) {
    guard !secrets.isEmpty else { throw .none }
    for (index, secret) in secrets.enumerated() {
      guard !secret.isEmpty else { throw .empty(index: index) }
      guard secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .unprintable(index: index) }
      guard !WebhookSecrets.isPlaceholder(secret) else { throw .placeholder(index: index) }
    }
    keys = secrets.map { Array($0.utf8) }
  }

  private static func isPlaceholder(_ secret: String) -> Bool {
    let text = secret.lowercased()
    let value = text.hasPrefix("whsec_") ? String(text.dropFirst(6)) : text
    // `whsec_`, `whsec_xxxxxxxx`, `whsec_...`, `whsec_****`, `whsec_0000`
    if Set(value.filter { $0 != "_" && $0 != "-" }).count <= 1 { return true }
    if ["secret", "none", "null", "nil", "todo", "undefined", "whsec"].contains(value) { return true }
    let marks = [
      "placeholder", "changeme", "change_me", "change-me", "replace_", "replace-", "replaceme", "your_",
      "your-", "yoursecret", "insert_", "...", "xxxx", "****", "<", ">", "${", "{{",
    ]
    return marks.contains { value.contains($0) }
  }
}
