/// An answer that every transport can send.
package struct ControlResponse: Sendable {
  /// The HTTP status.
  package var status: Int
  /// Without `Content-Length`, which is the transport's.
  package var headers: [(name: String, value: String)]
  /// Empty for 204 and 304.
  package var body: ControlBody

  /// Makes an answer.
  package init(status: Int, headers: [(name: String, value: String)] = [], body: ControlBody = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A JSON answer.
  package static func json(
    _ value: JSON, status: Int = 200, headers: [(name: String, value: String)] = []
  ) -> ControlResponse {
    let type = (name: "Content-Type", value: "application/json")
    return ControlResponse(status: status, headers: [type] + headers, body: .bytes(value.bytes))
  }

  /// Done, and nothing to say.
  package static var noContent: ControlResponse { ControlResponse(status: 204) }

  /// The first value of a header.
  package func value(of name: String) -> String? {
    let name = name.lowercased()
    return headers.first { $0.name.lowercased() == name }?.value
  }
}

/// The body of an answer: whole, or page by page, so that an export of any length needs the memory of one
/// page.
package enum ControlBody: Sendable {
  case bytes([UInt8])
  case pages(PagedBody)

  /// Everything in one piece; for transports that don't stream.
  package func collected() async throws -> [UInt8] {
    switch self {
    case .bytes(let bytes): return bytes
    case .pages(let pages):
      var bytes = pages.first
      var cursor = pages.cursor
      while let here = cursor {
        let page = try await pages.next(here)
        bytes.append(contentsOf: page.bytes)
        cursor = page.cursor
      }
      return bytes
    }
  }
}

/// A body whose first page was read before the status was sent, so that a store that is away is still a
/// 503; the others follow as the reader takes them.
package struct PagedBody: Sendable {
  /// The first page.
  package var first: [UInt8]
  /// Where the second page begins; nil when the first is all.
  package var cursor: String?
  /// Reads one page. A failure here can only cut the answer off.
  package var next: @Sendable (String) async throws -> (bytes: [UInt8], cursor: String?)

  /// Makes a body.
  package init(
    first: [UInt8], cursor: String?,
    next: @escaping @Sendable (String) async throws -> (bytes: [UInt8], cursor: String?)
  ) {
    self.first = first
    self.cursor = cursor
    self.next = next
  }
}
