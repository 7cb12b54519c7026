internal import CCounting
internal import Glibc

/// A stream socket in blocking mode. Closed with its owner.
@safe
struct BlockingSocket: ~Copyable, Sendable {
  struct Failure: Error {
    let operation: StaticString
    let errno: CInt
  }

  private let descriptor: CInt

  private init(_ descriptor: CInt, _ operation: StaticString) throws {
    guard descriptor >= 0 else { throw Failure(operation: operation, errno: errno) }
    self.descriptor = descriptor
  }

  static func listening(at path: String) throws -> BlockingSocket {
    try unsafe BlockingSocket(hot_path_listen(path), "listen")
  }

  static func connected(to path: String) throws -> BlockingSocket {
    try unsafe BlockingSocket(hot_path_connect(path), "connect")
  }

  func accept() throws -> BlockingSocket {
    try BlockingSocket(Glibc.accept(descriptor, nil, nil), "accept")
  }

  deinit { _ = close(descriptor) }

  /// Writes all of it.
  func write(_ bytes: [UInt8]) throws {
    try unsafe bytes.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = unsafe send(descriptor, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
        guard count > 0 else { throw Failure(operation: "write", errno: errno) }
        sent += count
      }
    }
  }

  /// Reads what there is into `bytes` from `start` on; the number of bytes, 0 at the end.
  func read(into bytes: inout [UInt8], from start: Int) throws -> Int {
    let count = unsafe bytes.withUnsafeMutableBytes { bytes in
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
      return unsafe recv(descriptor, room.baseAddress, room.count, 0)
    }
    guard count >= 0 else { throw Failure(operation: "read", errno: errno) }
    return count
  }
}
