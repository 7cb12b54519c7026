internal import CEmbedded

/// The decisions of lua/, as functions of one library.
package struct Scripts: Sendable {
  package let library: FunctionLibrary
  package let acknowledge: RedisFunction
  package let apply: RedisFunction
  package let check: RedisFunction
  package let epoch: RedisFunction
  package let evict: RedisFunction
  package let extend: RedisFunction
  package let fence: RedisFunction
  package let inspect: RedisFunction
  package let load: RedisFunction
  package let publish: RedisFunction
  package let report: RedisFunction
  package let settle: RedisFunction
  package let usage: RedisFunction

  package static let embedded = Scripts(text: text())

  /// `text` is that of the library; see ``text()``.
  package init(text: [UInt8]) {
    library = FunctionLibrary(text: text)
    acknowledge = library.function("acknowledge")
    apply = library.function("apply")
    check = library.function("check")
    epoch = library.function("epoch")
    evict = library.function("evict")
    extend = library.function("extend")
    fence = library.function("fence")
    inspect = library.function("inspect")
    load = library.function("load")
    publish = library.function("publish")
    report = library.function("report")
    settle = library.function("settle")
    usage = library.function("usage")
  }

  package var all: [RedisFunction] {
    [
      acknowledge, apply, check, epoch, evict, extend, fence, inspect, load, publish, report, settle, usage,
    ]
  }

  /// The embedded files put together: what they share, then each decision in a block of its own, for a Lua function
  /// may have no more than 200 locals.
  package static func text() -> [UInt8] {
    var files = files()
    var text: [UInt8] = []
    for name in ["library.lua", "account.lua"] {
      guard let shared = files.removeValue(forKey: name) else {
        preconditionFailure("\(name) is not embedded")
      }
      text += shared
    }
    for (_, decision) in files.sorted(by: { $0.key < $1.key }) {
      text += Array("do\n".utf8) + decision + Array("end\n".utf8)
    }
    return text
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
