import RedisStore
import Testing

/// The functions under test, with a clock that a test sets: Redis' TIME is replaced by a key that holds microseconds.
/// Nothing else of the production text changes; its library has another name for that.
enum TestScripts {
  static let clockKey = "tg:{0}:clock"

  static func withClock() throws -> Scripts {
    let parts = String(decoding: Scripts.text(), as: UTF8.self).split(separator: "call('TIME')")
    try #require(parts.count == 2, "the time is asked for in \(parts.count - 1) places")
    return Scripts(text: Array("\(parts[0]){0, call('GET', '\(clockKey)')}\(parts[1])".utf8))
  }
}
