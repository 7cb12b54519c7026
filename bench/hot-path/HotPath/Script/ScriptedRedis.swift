internal import NIOConcurrencyHelpers

/// A Redis that answers without looking: a check with one allowed spend, the handshake with OK, a token with nothing.
/// One connection at a time, one blocking thread.
final class ScriptedRedis: Sendable {
  let path: String
  private let listener: BlockingSocket
  /// As many checks are awaited, and then answered in one write.
  private let batch: Int
  /// The first so many checks are answered each by itself.
  private let alone: Int
  private let isStopping = NIOLockedValueBox(false)

  init(path: String, batch: Int, alone: Int = 0) throws {
    self.path = path
    self.batch = batch
    self.alone = alone
    listener = try BlockingSocket.listening(at: path)
  }

  /// Has ``serve()`` return, once its connection has ended.
  func stop() {
    isStopping.withLockedValue { $0 = true }
    _ = try? BlockingSocket.connected(to: path)
  }

  /// Serves one connection after the other, until it is stopped.
  func serve() {
    while let socket = try? listener.accept(), !isStopping.withLockedValue({ $0 }) {
      // An end amid a reply is the other side's to explain.
      try? serve(socket)
    }
  }

  private func serve(_ socket: consuming BlockingSocket) throws {
    var commands = CommandReader()
    var checks = 0
    var held = 0
    var answers: [UInt8] = []
    while try commands.fill(from: socket) {
      while let name = commands.next() {
        switch name {
        case "EVALSHA", "FCALL":
          checks += 1
          held += 1
          answers += Subject.answer
        case "GET": answers += Array("$-1\r\n".utf8)
        case "PING": answers += Array("+PONG\r\n".utf8)
        default: answers += Array("+OK\r\n".utf8)
        }
        guard held == 0 || held == batch || checks <= alone else { continue }
        try socket.write(answers)
        answers.removeAll(keepingCapacity: true)
        held = 0
      }
    }
  }
}

/// Cuts a stream into commands, of which it tells the name.
private struct CommandReader {
  private var bytes = [UInt8](repeating: 0, count: 1 << 20)
  private var start = 0
  private var end = 0

  /// Waits for more; false at the end.
  mutating func fill(from socket: borrowing BlockingSocket) throws -> Bool {
    // Byte by byte, and as a rule none: a slice of the array would have all of it copied.
    for index in start..<end { bytes[index - start] = bytes[index] }
    end -= start
    start = 0
    let count = try socket.read(into: &bytes, from: end)
    end += count
    return count > 0
  }

  /// The name of the next whole command; nil when there is none.
  mutating func next() -> String? {
    var position = start
    guard let arguments = number(after: UInt8(ascii: "*"), at: &position) else { return nil }
    var name: String?
    for _ in 0..<arguments {
      guard let length = number(after: UInt8(ascii: "$"), at: &position), position + length + 2 <= end else {
        return nil
      }
      if name == nil { name = String(decoding: bytes[position..<position + length], as: UTF8.self) }
      position += length + 2
    }
    start = position
    return name
  }

  /// A line of a sign and a number; nil when it isn't all there.
  private func number(after sign: UInt8, at position: inout Int) -> Int? {
    guard position < end else { return nil }
    precondition(bytes[position] == sign, "no command")
    var value = 0
    var index = position + 1
    while index < end, bytes[index] != UInt8(ascii: "\r") {
      value = value * 10 + Int(bytes[index] - 48)
      index += 1
    }
    guard index + 2 <= end else { return nil }
    position = index + 2
    return value
  }
}
