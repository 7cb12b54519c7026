internal import NIOCore

/// Scripts take and give numbers as little-endian doubles (Lua's `struct` with `<d`): exact for every integer
/// to 2⁵³, where amounts end at 10¹⁵−1; without a decimal to format or to read on either side.
extension ByteBuffer {
  mutating func writeDouble(_ value: Int64) {
    writeInteger(Double(value).bitPattern, endianness: .little)
  }
  mutating func writeDouble(_ value: Double) {
    writeInteger(value.bitPattern, endianness: .little)
  }
}

extension [UInt8] {
  mutating func appendDouble(_ value: Double) {
    var bits = value.bitPattern
    for _ in 0..<8 {
      append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
    }
  }
  mutating func appendDouble(_ value: Int64) { appendDouble(Double(value)) }
  mutating func appendDouble(_ value: Bool) { appendDouble(value ? 1.0 : 0.0) }
}

/// Reads the doubles of a script's answer one after the other; past the end it gives 0 and says so.
@safe
struct DoubleReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position: Int
  private(set) var isShort = false

  init(_ bytes: UnsafeRawBufferPointer, from position: Int) {
    unsafe self.bytes = bytes
    self.position = position
  }

  mutating func double() -> Double {
    guard unsafe position + 8 <= bytes.count else {
      isShort = true
      return 0
    }
    let bits = unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
    position += 8
    return Double(bitPattern: UInt64(littleEndian: bits))
  }

  /// Numbers outside what an amount or time can be are no answer of ours.
  mutating func integer() -> Int64 {
    let value = double()
    guard value > -9.1e15, value < 9.1e15 else {
      isShort = true
      return 0
    }
    return Int64(value)
  }
}
