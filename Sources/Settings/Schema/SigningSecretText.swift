internal import Foundation

/// What a target's signing secret looks like: by the Standard Webhooks, and not left over from an example.
enum SigningSecretText {
  private static let byteCounts = 24...64
  /// Random bytes have more different values than that.
  private static let differentBytesMin = 8

  static func isValid(_ text: String) -> Bool {
    guard text.hasPrefix("whsec_"), let key = Data(base64Encoded: String(text.dropFirst(6))),
      byteCounts.contains(key.count), Set(key).count >= differentBytesMin
    else { return false }
    // One spelling: whoever signs reads it strictly.
    return key.base64EncodedString() == text.dropFirst(6)
  }
}
