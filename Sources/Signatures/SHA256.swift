internal import COpenSSL

/// SHA-256 (FIPS 180-4) in one call. Where many tokens are hashed, use ``TokenHasher``: this one looks
/// the algorithm up every time (about 330 ns against 113).
package enum SHA256 {
  /// Bytes of a digest.
  package static let byteCount = 32

  /// The 32 bytes of the digest of `bytes`.
  package static func hash(_ bytes: [UInt8]) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe hash($0) }
  }

  /// The 32 bytes of the digest of the UTF-8 of `text`: what is stored of a credential.
  package static func hash(_ text: String) -> [UInt8] {
    hash(Array(text.utf8))
  }

  /// The 32 bytes of the digest of the memory, which is only read.
  package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
      let done = unsafe EVP_Digest(
        bytes.baseAddress, bytes.count, digest.baseAddress, nil, EVP_sha256(), nil)
      // Fails only where memory is out or libcrypto has no SHA-256: nothing can be verified then.
      precondition(done == 1, "libcrypto has no SHA-256")
      count = byteCount
    }
  }
}
