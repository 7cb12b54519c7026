internal import COpenSSL

/// SHA-256 of short credentials, with the algorithm fetched once and one context used again and again:
/// 113 ns against 327 for the one-shot call (PERF.md). One per event loop; it must not be shared between
/// threads, and is not Sendable.
@safe
package struct TokenHasher: ~Copyable {
  private let algorithm: OpaquePointer
  private let context: OpaquePointer

  /// Fetches the algorithm.
  package init() {
    guard let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil), let context = unsafe EVP_MD_CTX_new()
    else { preconditionFailure("libcrypto has no SHA-256") }
    unsafe self.algorithm = algorithm
    unsafe self.context = context
    let ready = unsafe EVP_DigestInit_ex2(context, algorithm, nil)
    precondition(ready == 1, "libcrypto has no SHA-256")
  }

  deinit {
    unsafe EVP_MD_CTX_free(context)
    unsafe EVP_MD_free(algorithm)
  }

  /// The digest of `bytes` as four big-endian words, the order in which `TokenHash` keeps them.
  package mutating func hash(
    _ bytes: UnsafeRawBufferPointer
  ) -> (w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
    var words: (w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) = (0, 0, 0, 0)
    var done = unsafe EVP_DigestInit_ex2(context, nil, nil)
    done &= unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    done &= unsafe withUnsafeMutableBytes(of: &words) { digest in
      unsafe EVP_DigestFinal_ex(context, digest.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
    }
    precondition(done == 1, "libcrypto could not hash")
    return (words.w0.bigEndian, words.w1.bigEndian, words.w2.bigEndian, words.w3.bigEndian)
  }

  /// The same, for callers that hold raw memory, such as a `ByteBuffer`'s `readableBytesSpan`.
  package mutating func hash(_ bytes: RawSpan) -> (w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
    unsafe bytes.withUnsafeBytes { unsafe hash($0) }
  }

  /// The same, for callers that hold a span of bytes.
  package mutating func hash(_ bytes: Span<UInt8>) -> (w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
    unsafe bytes.withUnsafeBytes { unsafe hash($0) }
  }

  /// The same, for callers off the hot path.
  package mutating func hash(_ bytes: [UInt8]) -> (w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
    unsafe bytes.withUnsafeBytes { unsafe hash($0) }
  }
}
