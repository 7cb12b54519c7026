internal import Glibc

/// A directory for sockets, gone with the case.
struct Place {
  private let directory: String

  init() throws {
    var template = Array("/tmp/hot-path-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return false }
      return unsafe mkdtemp(start) != nil
    }
    guard made else { throw BlockingSocket.Failure(operation: "mkdtemp", errno: errno) }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  func remove() {
    for name in ["redis", "gate"] { _ = unsafe unlink(path(name)) }
    _ = unsafe rmdir(directory)
  }
}
