/// Sends the same request over and over, on one or several connections, and sees that each is answered as the
/// first was: allowed, in as many bytes.
final class ScriptedClient {
  struct Refused: Error {
    let response: String
  }

  private let sockets: [Connection]
  private let request: [UInt8]
  private let depth: Int
  /// Of one response.
  private let length: Int
  private var buffer = [UInt8](repeating: 0, count: 1 << 20)

  private final class Connection {
    let socket: BlockingSocket
    init(to path: String) throws { socket = try BlockingSocket.connected(to: path) }
  }

  /// Connects, and sends one request to learn what its answer looks like.
  init(path: String, connections: Int, depth: Int) throws {
    let sockets = try (0..<connections).map { _ in try Connection(to: path) }
    try sockets[0].socket.write(Subject.request)
    var response = [UInt8](repeating: 0, count: 65_536)
    // Written in one piece, and so read in one.
    length = try sockets[0].socket.read(into: &response, from: 0)
    let text = String(decoding: response[..<length], as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200 "), text.contains("\r\nRateLimit: "), text.hasSuffix("}"),
      text.contains("{\"allowed\":true,")
    else { throw Refused(response: text) }
    self.sockets = sockets
    self.depth = depth
    request = Array(repeatElement(Subject.request, count: depth).joined())
  }

  func round() throws {
    try send()
    try receive()
  }

  func send() throws {
    for connection in sockets { try connection.socket.write(request) }
  }

  func receive() throws {
    for connection in sockets {
      var count = 0
      while count < depth * length {
        let read = try connection.socket.read(into: &buffer, from: count)
        guard read > 0 else { throw Refused(response: "The gate hung up.") }
        count += read
        guard buffer[..<min(count, 12)].elementsEqual("HTTP/1.1 200".utf8.prefix(count)) else {
          throw Refused(response: String(decoding: buffer[..<count], as: UTF8.self))
        }
      }
      for start in stride(from: 0, to: depth * length, by: length) {
        guard count == depth * length, buffer[start..<start + 12].elementsEqual("HTTP/1.1 200".utf8) else {
          throw Refused(response: String(decoding: buffer[..<count], as: UTF8.self))
        }
      }
    }
  }
}
