package import NIOCore

/// Commands in RESP2, written straight into the out-buffer: `*<n>` and then n bulk strings. Whoever writes
/// a header owes exactly that many bulks; a debug build of ``RedisConnection`` checks the first byte alone.
extension ByteBuffer {
  /// `*<n>\r\n`; `argumentCount` counts the command's name too.
  package mutating func writeCommandHeader(argumentCount: Int) {
    writeInteger(UInt8(ascii: "*"))
    writeDecimal(Int64(argumentCount))
    writeLineEnd()
  }

  /// One argument, of any bytes.
  package mutating func writeBulk(_ bytes: [UInt8]) {
    writeBulkHeader(length: bytes.count)
    writeBytes(bytes)
    writeLineEnd()
  }

  /// One argument: the UTF-8 of `text`.
  package mutating func writeBulk(_ text: String) {
    writeBulkHeader(length: text.utf8.count)
    writeString(text)
    writeLineEnd()
  }

  /// One argument: `prefix` and then the UTF-8 of `name`, header and all in one go, for the hot path.
  package mutating func writeBulk(_ prefix: [UInt8], _ name: String) {
    let length = prefix.count + name.utf8.count
    let digits = ByteBuffer.decimalLength(Int64(length))
    let start = digits + 3
    unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: start + length + 2) { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      unsafe base.storeBytes(of: UInt8(ascii: "$"), as: UInt8.self)
      unsafe ByteBuffer.storeDigits(UInt64(length), count: digits, at: base + 1)
      unsafe base.storeBytes(of: UInt16(littleEndian: 0x0A0D), toByteOffset: digits + 1, as: UInt16.self)
      unsafe prefix.withUnsafeBytes { source in
        if let from = source.baseAddress {
          unsafe (base + start).copyMemory(from: from, byteCount: source.count)
        }
      }
      var name = name
      name.withUTF8 { source in
        guard let from = source.baseAddress else { return }
        unsafe (base + start + prefix.count).copyMemory(from: from, byteCount: source.count)
      }
      unsafe base.storeBytes(of: UInt16(littleEndian: 0x0A0D), toByteOffset: start + length, as: UInt16.self)
      return start + length + 2
    }
  }

  /// One argument from a literal.
  package mutating func writeBulk(_ text: StaticString) {
    writeBulkHeader(length: text.utf8CodeUnitCount)
    writeStaticString(text)
    writeLineEnd()
  }

  /// One argument: the readable bytes of `buffer`, which stays as it is.
  package mutating func writeBulk(_ buffer: ByteBuffer) {
    writeBulkHeader(length: buffer.readableBytes)
    writeImmutableBuffer(buffer)
    writeLineEnd()
  }

  /// One argument of bytes that are lent for the call.
  package mutating func writeBulk(_ bytes: UnsafeRawBufferPointer) {
    writeBulkHeader(length: bytes.count)
    unsafe writeBytes(bytes)
    writeLineEnd()
  }

  /// One argument: the number in decimal.
  package mutating func writeBulk(integer value: Int64) {
    writeBulkHeader(length: ByteBuffer.decimalLength(value))
    writeDecimal(value)
    writeLineEnd()
  }

  /// `$<length>\r\n`, for a caller that then writes exactly `length` bytes and ``writeLineEnd()``.
  package mutating func writeBulkHeader(length: Int) {
    writeInteger(UInt8(ascii: "$"))
    writeDecimal(Int64(length))
    writeLineEnd()
  }

  /// `\r\n`.
  package mutating func writeLineEnd() {
    writeInteger(UInt16(0x0D0A))
  }

  /// The number in decimal, without a `String` in between.
  package mutating func writeDecimal(_ value: Int64) {
    // `magnitude` is safe for Int64.min, whose negation is not.
    let magnitude = value.magnitude
    if value >= 0, magnitude < 10 {
      writeInteger(UInt8(truncatingIfNeeded: magnitude) + 48)
      return
    }
    let length = ByteBuffer.decimalLength(value)
    unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      let sign = value < 0 ? 1 : 0
      if sign == 1 { unsafe base.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
      unsafe ByteBuffer.storeDigits(magnitude, count: length - sign, at: base + sign)
      return length
    }
  }

  /// The last `count` decimal digits of `magnitude`.
  @inline(__always)
  private static func storeDigits(_ magnitude: UInt64, count: Int, at base: UnsafeMutableRawPointer) {
    var rest = magnitude
    for index in stride(from: count - 1, through: 0, by: -1) {
      unsafe base.storeBytes(
        of: UInt8(truncatingIfNeeded: rest % 10) + 48, toByteOffset: index, as: UInt8.self)
      rest /= 10
    }
  }

  /// Bytes that ``writeDecimal(_:)`` writes: 1 to 20.
  package static func decimalLength(_ value: Int64) -> Int {
    var length = value < 0 ? 2 : 1
    var rest = value.magnitude
    while rest >= 10 {
      rest /= 10
      length += 1
    }
    return length
  }
}
