internal import CEmbedded

/// The decisions of lua/, as Redis is given them: the `#!lua` line, what they share, and their own text.
package struct Scripts: Sendable {
  package let acknowledge: RedisScript
  package let apply: RedisScript
  package let check: RedisScript
  package let epoch: RedisScript
  package let evict: RedisScript
  package let extend: RedisScript
  package let fence: RedisScript
  package let inspect: RedisScript
  package let load: RedisScript
  package let publish: RedisScript
  package let report: RedisScript
  package let settle: RedisScript
  package let usage: RedisScript

  package static let embedded = Scripts()

  private init() {
    let files = Scripts.files()
    func alone(_ name: String) -> RedisScript {
      guard let source = files["\(name).lua"] else { preconditionFailure("\(name).lua is not embedded") }
      return RedisScript(name: name, source: source)
    }
    func whole(_ name: String) -> RedisScript {
      guard let source = files["\(name).lua"], let shared = files["account.lua"],
        let end = source.firstIndex(of: UInt8(ascii: "\n"))
      else { preconditionFailure("\(name).lua is not embedded") }
      return RedisScript(name: name, source: source[...end] + shared + source[(end + 1)...])
    }
    acknowledge = alone("acknowledge")
    epoch = alone("epoch")
    fence = alone("fence")
    apply = whole("apply")
    check = whole("check")
    evict = whole("evict")
    extend = whole("extend")
    inspect = whole("inspect")
    load = whole("load")
    publish = whole("publish")
    report = whole("report")
    settle = whole("settle")
    usage = whole("usage")
  }

  package var all: [RedisScript] {
    [
      acknowledge, apply, check, epoch, evict, extend, fence, inspect, load, publish, report, settle, usage,
    ]
  }

  /// The embedded files by name, to the byte.
  package static func files() -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for index in 0..<tollgate_lua_file_count {
      let file = unsafe tollgate_lua_file(index)
      unsafe files[String(cString: file.name)] =
        unsafe [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.count))
    }
    return files
  }
}
