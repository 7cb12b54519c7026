internal import COpenSSL

/// Bytes from libcrypto's generator, which the kernel seeds.
package enum RandomBytes {
  /// `count` unpredictable bytes. Stops the process where there is no randomness: no credential may be
  /// made then.
  package static func make(count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= 65_536, "an unreasonable number of random bytes")
    guard count > 0 else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      let done = unsafe RAND_bytes(bytes.baseAddress, Int32(count))
      precondition(done == 1, "libcrypto has no randomness")
      initialized = count
    }
  }
}
