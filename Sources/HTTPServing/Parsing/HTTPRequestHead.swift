/// What the parser has learnt of the request's head. Reused from request to request, so that its array keeps
/// its room.
package struct HTTPRequestHead {
  /// One header field, without the white space around its value.
  package struct Field: Sendable {
    /// The name as it was sent.
    package var name: HTTPSlice
    /// The value; empty values are possible.
    package var value: HTTPSlice
  }

  /// The method; `other` when it has no name here.
  package internal(set) var method = HTTPMethod.other
  /// The method as it was sent.
  package internal(set) var methodText = HTTPSlice.empty
  /// The target's path, without the query.
  package internal(set) var path = HTTPSlice.empty
  /// What follows the first `?`.
  package internal(set) var query: HTTPSlice?
  /// 0 or 1, of `HTTP/1.x`.
  package internal(set) var versionMinor = 1
  /// All fields in their order.
  package internal(set) var fields: [Field] = []
  /// -1: no Content-Length.
  var contentLength = -1
  var isChunked = false
  var expectsContinue = false
  var saysClose = false
  var saysKeepAlive = false

  /// Which known headers were sent, and which of them more than once: a bit each.
  private var present: UInt32 = 0
  private var repeated: UInt32 = 0
  /// Index in `fields` of the first field of each known header; valid where `present` says so.
  private var slots = InlineArray<18, UInt16>(repeating: 0)

  /// Whether the connection can be kept, as far as the client is concerned.
  package var keepAlive: Bool { saysClose ? false : versionMinor == 1 || saysKeepAlive }

  init() {
    fields.reserveCapacity(24)
  }

  /// Forgets everything but the capacity.
  mutating func reset() {
    method = .other
    methodText = .empty
    path = .empty
    query = nil
    versionMinor = 1
    fields.removeAll(keepingCapacity: true)
    contentLength = -1
    isChunked = false
    expectsContinue = false
    saysClose = false
    saysKeepAlive = false
    present = 0
    repeated = 0
  }

  /// Notes that the field about to be appended is `header`.
  mutating func note(_ header: KnownHeader) {
    let bit = UInt32(1) &<< UInt32(header.rawValue)
    if present & bit == 0 {
      present |= bit
      slots[Int(header.rawValue)] = UInt16(truncatingIfNeeded: fields.count)
    } else {
      repeated |= bit
    }
  }

  /// The value of the first such field.
  @inline(__always)
  package func value(of header: KnownHeader) -> HTTPSlice? {
    guard present & (UInt32(1) &<< UInt32(header.rawValue)) != 0 else { return nil }
    return fields[Int(slots[Int(header.rawValue)])].value
  }

  @inline(__always)
  func isPresent(_ header: KnownHeader) -> Bool {
    present & (UInt32(1) &<< UInt32(header.rawValue)) != 0
  }

  /// True when there is more than one such field.
  @inline(__always)
  package func isRepeated(_ header: KnownHeader) -> Bool {
    repeated & (UInt32(1) &<< UInt32(header.rawValue)) != 0
  }
}
