internal import Logging
package import NIOCore

/// A response as a value, for handlers that can afford one.
package struct HTTPResponse: Sendable {
  /// 200 to 599.
  package var status: Int
  /// Content-Length, Connection and Transfer-Encoding are the writer's: those given here are left out.
  package var headers: [(String, String)]
  /// The whole body; nothing of it is sent for HEAD, 204 and 304.
  package var body: ByteBuffer

  /// A response made of its parts.
  package init(status: Int, headers: [(String, String)] = [], body: ByteBuffer = ByteBuffer()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Appends the response to `exchange`'s request as bytes, with Content-Length, and with Connection where
  /// it is needed.
  ///
  /// A header name that is no token or a value with control characters makes it an empty 500: whatever a
  /// caller put into a value, it can't begin a header or a response of its own.
  package func write(into out: inout ByteBuffer, for exchange: HTTPExchange) {
    guard (200...599).contains(status), headers.allSatisfy(Self.isSane) else {
      exchange.loop.logger.error(
        "http.response.malformed",
        metadata: ["status": "\(status)", "headers": "\(headers.map(\.0))"])
      return HTTPResponse(status: 500).write(into: &out, for: exchange)
    }
    HTTPStatusLine.write(status, into: &out)
    for (name, value) in headers where !Self.isOurs(name) {
      out.writeString(name)
      out.writeStaticString(": ")
      out.writeString(value)
      out.writeStaticString("\r\n")
    }
    if status != 204, status != 304 {
      out.writeStaticString("Content-Length: ")
      out.writeString(String(body.readableBytes))
      out.writeStaticString("\r\n")
    }
    if !exchange.keepAlive {
      out.writeStaticString("Connection: close\r\n")
    } else if exchange.isHTTP10 {
      out.writeStaticString("Connection: keep-alive\r\n")
    }
    out.writeStaticString("\r\n")
    if exchange.method != .head, status != 204, status != 304 { out.writeImmutableBuffer(body) }
  }

  private static func isSane(_ name: String, _ value: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy(Octets.isToken)
      && value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == Octets.tab }
  }

  private static func isOurs(_ name: String) -> Bool {
    switch name.utf8.count {
    case 10, 14, 17: ["connection", "content-length", "transfer-encoding"].contains(name.lowercased())
    default: false
    }
  }
}
