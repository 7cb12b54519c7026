/// The request methods that handlers tell apart; they are case-sensitive on the wire.
package enum HTTPMethod: UInt8, Sendable, Hashable {
  /// `GET`.
  case get
  /// `HEAD`; its response carries no body.
  case head
  /// `POST`.
  case post
  /// `PUT`.
  case put
  /// `DELETE`.
  case delete
  /// `PATCH`.
  case patch
  /// `OPTIONS`.
  case options
  /// Any other valid token; its text is the exchange's `methodText`.
  case other

  static func recognise(_ bytes: Span<UInt8>, _ lower: Int, _ upper: Int) -> HTTPMethod {
    switch upper - lower {
    case 3:
      if matches(bytes, lower, "GET") { return .get }
      if matches(bytes, lower, "PUT") { return .put }
    case 4:
      if matches(bytes, lower, "POST") { return .post }
      if matches(bytes, lower, "HEAD") { return .head }
    case 5: if matches(bytes, lower, "PATCH") { return .patch }
    case 6: if matches(bytes, lower, "DELETE") { return .delete }
    case 7: if matches(bytes, lower, "OPTIONS") { return .options }
    default: break
    }
    return .other
  }

  private static func matches(_ bytes: Span<UInt8>, _ lower: Int, _ name: StaticString) -> Bool {
    Octets.equal(bytes, lower, name)
  }
}
