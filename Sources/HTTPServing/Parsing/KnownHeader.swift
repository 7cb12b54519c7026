/// The request headers that get a slot of their own while parsing, so that looking one up later is O(1).
package enum KnownHeader: UInt8, Sendable, Hashable, CaseIterable {
  /// `X-TLE-Token`.
  case tleToken
  /// `Authorization`.
  case authorization
  /// `X-Tollgate-User`.
  case tollgateUser
  /// `X-Tollgate-Feature`.
  case tollgateFeature
  /// `X-Tollgate-Tokens`.
  case tollgateTokens
  /// `X-Tollgate-Mode`.
  case tollgateMode
  /// `Idempotency-Key`.
  case idempotencyKey
  /// `X-Request-Id`.
  case requestID
  /// `traceparent`.
  case traceparent
  /// `Content-Type`.
  case contentType
  /// `Content-Length`; never repeated.
  case contentLength
  /// `Transfer-Encoding`; `chunked` when present.
  case transferEncoding
  /// `Host`; never repeated.
  case host
  /// `Connection`.
  case connection
  /// `Expect`.
  case expect
  /// `If-None-Match`.
  case ifNoneMatch
  /// `Accept`.
  case accept
  /// `Stripe-Signature`.
  case stripeSignature

  /// Length and a byte or two leave one candidate, which is then compared as a whole.
  static func recognise(_ bytes: Span<UInt8>, _ lower: Int, _ upper: Int) -> KnownHeader? {
    let candidate: KnownHeader
    let first = bytes[lower] | 0x20
    switch upper &- lower {
    case 4: candidate = .host
    case 6: candidate = first == UInt8(ascii: "a") ? .accept : .expect
    case 10: candidate = .connection
    case 11: candidate = first == UInt8(ascii: "x") ? .tleToken : .traceparent
    case 12: candidate = first == UInt8(ascii: "x") ? .requestID : .contentType
    case 13: candidate = first == UInt8(ascii: "a") ? .authorization : .ifNoneMatch
    case 14: candidate = .contentLength
    case 15:
      guard first == UInt8(ascii: "x") else {
        candidate = .idempotencyKey
        break
      }
      candidate = bytes[lower &+ 11] | 0x20 == UInt8(ascii: "u") ? .tollgateUser : .tollgateMode
    case 16: candidate = .stripeSignature
    case 17: candidate = first == UInt8(ascii: "x") ? .tollgateTokens : .transferEncoding
    case 18: candidate = .tollgateFeature
    default: return nil
    }
    return Octets.equalIgnoringCase(bytes, lower, upper, candidate.name) ? candidate : nil
  }

  /// The name in lower case.
  package var name: StaticString {
    switch self {
    case .tleToken: "x-tle-token"
    case .authorization: "authorization"
    case .tollgateUser: "x-tollgate-user"
    case .tollgateFeature: "x-tollgate-feature"
    case .tollgateTokens: "x-tollgate-tokens"
    case .tollgateMode: "x-tollgate-mode"
    case .idempotencyKey: "idempotency-key"
    case .requestID: "x-request-id"
    case .traceparent: "traceparent"
    case .contentType: "content-type"
    case .contentLength: "content-length"
    case .transferEncoding: "transfer-encoding"
    case .host: "host"
    case .connection: "connection"
    case .expect: "expect"
    case .ifNoneMatch: "if-none-match"
    case .accept: "accept"
    case .stripeSignature: "stripe-signature"
    }
  }
}
