internal import COpenSSL

/// HMAC with SHA-256 (RFC 2104, FIPS 198-1).
package enum HMACSHA256 {
  /// The 32 bytes that authenticate `message` under `key`. A key of any length is taken; that it isn't
  /// empty is the caller's to see to.
  package static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { code, count in
      let done = unsafe key.withUnsafeBytes { key in
        unsafe message.withUnsafeBufferPointer { message in
          unsafe HMAC(
            EVP_sha256(), key.baseAddress, Int32(key.count), message.baseAddress, message.count,
            code.baseAddress, nil) != nil
        }
      }
      precondition(done, "libcrypto has no HMAC-SHA-256")
      count = SHA256.byteCount
    }
  }
}
