import RedisStore
import Testing

/// The scripts under test, with a clock that a test sets: Redis' TIME is replaced by a key that holds
/// microseconds. Nothing else of the production text changes.
struct TestScripts {
  let check: RedisScript
  let usage: RedisScript
  let settle: RedisScript
  let extend: RedisScript
  let apply: RedisScript
  let report: RedisScript
  let load: RedisScript

  static let clockKey = "tg:{0}:clock"

  init() throws {
    let scripts = Scripts.embedded
    check = try TestScripts.withClock(scripts.check)
    usage = try TestScripts.withClock(scripts.usage)
    settle = try TestScripts.withClock(scripts.settle)
    extend = try TestScripts.withClock(scripts.extend)
    apply = try TestScripts.withClock(scripts.apply)
    report = try TestScripts.withClock(scripts.report)
    load = try TestScripts.withClock(scripts.load)
  }

  var all: [RedisScript] { [check, usage, settle, extend, apply, report, load] }

  private static func withClock(_ script: RedisScript) throws -> RedisScript {
    let parts = String(decoding: script.source, as: UTF8.self).split(separator: "call('TIME')")
    try #require(parts.count == 2, "\(script.name) asks for the time in \(parts.count - 1) places")
    let text = parts[0] + "{0, call('GET', '\(clockKey)')}" + parts[1]
    return RedisScript(name: script.name, source: Array(text.utf8))
  }
}
