internal import Signatures

/// Proves that a form was made by this server: another site that makes a browser post can't know the token.
package struct FormTokens: Sendable {
  private let key: [UInt8]

  /// Each server has a key of its own.
  package init(key: [UInt8] = RandomBytes.make(count: 32)) { self.key = key }

  /// For forms that go to a path.
  package func token(_ path: String) -> String {
    Hex.encode(HMACSHA256.authenticationCode(for: Array(path.utf8), key: key))
  }

  func fits(_ token: String?, _ path: String) -> Bool {
    guard let token else { return false }
    return ConstantTime.equal(Array(token.utf8), Array(self.token(path).utf8))
  }
}
