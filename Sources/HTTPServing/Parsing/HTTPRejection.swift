/// Why the bytes are no acceptable request. The connection closes after the response to it.
package enum HTTPRejection: Error, Sendable, Equatable {
  /// 400: not HTTP, or ambiguous; the text says what, for people.
  case badRequest(StaticString)
  /// 408: the head or the body took too long.
  case timeout
  /// 413: the body is larger than the handler accepts.
  case bodyTooLarge
  /// 431: the head, or the trailer section, is past its limit in bytes or fields.
  case headersTooLarge
  /// 501: a transfer coding other than a single `chunked`.
  case notImplemented
  /// 503: more connections than the server accepts.
  case overloaded
  /// 505: neither HTTP/1.0 nor HTTP/1.1.
  case versionNotSupported

  /// The status code to answer with.
  package var status: Int {
    switch self {
    case .badRequest: 400
    case .timeout: 408
    case .bodyTooLarge: 413
    case .headersTooLarge: 431
    case .notImplemented: 501
    case .overloaded: 503
    case .versionNotSupported: 505
    }
  }

  /// What is wrong, in words that may be shown to the client.
  package var reason: StaticString {
    switch self {
    case .badRequest(let reason): reason
    case .timeout: "The request took too long to arrive."
    case .bodyTooLarge: "The request body is too large."
    case .headersTooLarge: "The request head is too large."
    case .notImplemented: "This transfer coding is not supported."
    case .overloaded: "Too many connections."
    case .versionNotSupported: "Only HTTP/1.0 and HTTP/1.1 are supported."
    }
  }

  /// The same status for the same reason.
  package static func == (left: HTTPRejection, right: HTTPRejection) -> Bool {
    left.status == right.status && left.reason.description == right.reason.description
  }
}
