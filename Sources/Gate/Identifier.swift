/// What may name a user, tenant, plan, feature or policy: 1 to 128 bytes of visible ASCII
/// (0x21–0x7E). They travel in headers (`Tollgate-User`), keys and stream entries, so spaces, control
/// characters and non-ASCII are refused at the door.
package enum Identifier {
  package static func isValid(_ text: some StringProtocol) -> Bool {
    isValid(utf8: text.utf8)
  }

  package static func isValid(utf8 bytes: some Collection<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.count <= Limits.identifierBytesMax
      && bytes.allSatisfy { $0 >= 0x21 && $0 <= 0x7E }
  }
}

/// The SHA-256 of a whole credential, prefix included. Tokens and keys are stored and looked up by it
/// alone. The four words are the digest's bytes, big-endian.
package struct TokenHash: Hashable, Sendable {
  package var w0: UInt64
  package var w1: UInt64
  package var w2: UInt64
  package var w3: UInt64

  package init(w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
    self.w0 = w0
    self.w1 = w1
    self.w2 = w2
    self.w3 = w3
  }

  /// nil unless there are exactly 32 bytes.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for (index, byte) in bytes.enumerated() {
      switch index >> 3 {
      case 0: words.0 = words.0 << 8 | UInt64(byte)
      case 1: words.1 = words.1 << 8 | UInt64(byte)
      case 2: words.2 = words.2 << 8 | UInt64(byte)
      default: words.3 = words.3 << 8 | UInt64(byte)
      }
    }
    self.init(w0: words.0, w1: words.1, w2: words.2, w3: words.3)
  }

  /// The 32 bytes of the digest.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for word in [w0, w1, w2, w3] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    return bytes
  }

  /// SHA-256 output is uniform already: one word is hash enough.
  package func hash(into hasher: inout Hasher) { hasher.combine(w0) }
}
