package import NIOCore

/// The bytes of a reply without a `String` in between, and without pointers.
extension RedisReply {
  /// Bytes of a string, status or error; 0 for every other kind.
  package var byteCount: Int { hasBytes ? length : 0 }

  /// Byte `offset`, 0 to ``byteCount`` − 1.
  package func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "no such byte")
    return unsafe withBytes { unsafe $0[offset] }
  }

  /// Whether the bytes begin with `text`; never for a kind without bytes, unless `text` is empty.
  package func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard count <= byteCount else { return false }
    return unsafe withBytes { bytes in
      for offset in 0..<count where unsafe bytes[offset] != text.utf8Start[offset] { return false }
      return true
    }
  }

  /// Whether the bytes are exactly `text`.
  package func equals(_ text: StaticString) -> Bool {
    byteCount == text.utf8CodeUnitCount && starts(with: text)
  }

  /// The number of an integer reply, or of a string that is nothing but a decimal integer (scripts return
  /// amounts so, for Lua's numbers are doubles); otherwise nil.
  package var decimal: Int64? {
    if kind == .integer { return integer }
    return unsafe withBytes { bytes in
      let isNegative = unsafe bytes.first == UInt8(ascii: "-")
      let digits = isNegative ? 1 : 0
      guard bytes.count > digits, bytes.count <= digits + 19 else { return nil }
      var value: Int64 = 0
      for offset in digits..<bytes.count {
        let digit = unsafe bytes[offset] &- 48
        guard digit <= 9 else { return nil }
        let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
        let (sum, carried) = tens.subtractingReportingOverflow(Int64(digit))
        guard !overflowed, !carried else { return nil }
        value = sum
      }
      // Summed up below zero, where there is room for Int64.min.
      if isNegative { return value }
      return value == .min ? nil : -value
    }
  }

  /// Appends the bytes of a string, status or error.
  package func write(into buffer: inout ByteBuffer) {
    unsafe withBytes { unsafe _ = buffer.writeBytes($0) }
  }
}
