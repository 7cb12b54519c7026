/// One attempt, ready to be posted.
package struct WebhookRequest: Sendable, Equatable {
  package var url: String
  /// Names and values, in the order they are sent.
  package var headers: [(name: String, value: String)]
  /// JSON, as it was signed.
  package var body: [UInt8]
  /// From the connect to the end of the answer.
  package var timeoutMilliseconds: Int64

  package init(
    url: String, headers: [(name: String, value: String)], body: [UInt8], timeoutMilliseconds: Int64
  ) {
    self.url = url
    self.headers = headers
    self.body = body
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// Equal in everything that is sent.
  package static func == (left: WebhookRequest, right: WebhookRequest) -> Bool {
    left.url == right.url && left.body == right.body
      && left.timeoutMilliseconds == right.timeoutMilliseconds
      && left.headers.elementsEqual(right.headers) { $0 == $1 }
  }
}

/// What came back.
package struct WebhookReply: Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  /// `Retry-After` in seconds; nil where it has none, or a date.
  package var retryAfterSeconds: Int64?
  /// The beginning of the answer, at most ``bodyBytesMax``: for people alone.
  package var body: [UInt8]

  package static let bodyBytesMax = 4096

  package init(status: Int, retryAfterSeconds: Int64? = nil, body: [UInt8] = []) {
    self.status = status
    self.retryAfterSeconds = retryAfterSeconds
    self.body = body
  }
}

/// No answer came: nothing is known of what the target did.
package struct WebhookFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// For the delivery's record: one line, at most 200 characters, without the URL.
  package let description: String

  package init(_ description: String) {
    let line = description.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    self.description = String(line.prefix(200))
  }
}

/// Posts to targets. Never follows a redirect: a 3xx is an answer as any other.
package protocol WebhookTransport: Sendable {
  /// Throws ``WebhookFailure``, or whatever cancellation throws.
  func post(_ request: WebhookRequest) async throws -> WebhookReply
}
