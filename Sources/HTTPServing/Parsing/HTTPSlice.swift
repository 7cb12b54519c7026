/// A range of bytes in the connection's inbound buffer, as offsets from its start.
///
/// Valid from the moment a handler gets the exchange until it has responded. Offsets, unlike pointers,
/// survive the buffer growing under pipelined bytes that arrive meanwhile.
package struct HTTPSlice: Sendable, Hashable {
  /// Offset of the first byte, 0 or more.
  package var lower: Int32
  /// Offset after the last byte; never below ``lower``.
  package var upper: Int32

  /// A slice of the given offsets; `upper` must not be below `lower`.
  @inlinable
  package init(lower: Int32, upper: Int32) {
    self.lower = lower
    self.upper = upper
  }

  @inlinable
  init(_ lower: Int, _ upper: Int) {
    self.lower = Int32(truncatingIfNeeded: lower)
    self.upper = Int32(truncatingIfNeeded: upper)
  }

  /// The slice without bytes.
  @inlinable
  package static var empty: HTTPSlice { HTTPSlice(lower: 0, upper: 0) }

  /// Number of bytes.
  @inlinable
  package var count: Int { Int(upper) - Int(lower) }

  /// True when there are no bytes.
  @inlinable
  package var isEmpty: Bool { upper == lower }

  @inlinable
  var range: Range<Int> { unsafe Range(uncheckedBounds: (Int(lower), Int(upper))) }
}
