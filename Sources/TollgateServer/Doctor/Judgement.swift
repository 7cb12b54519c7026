internal import Gate
package import Settings

/// What to think of what was found: pure functions from facts to findings.
package enum Judgement {
  /// Stores on another continent can't keep a check's deadline; well below it, they are only slow.
  private static let slowMicroseconds: Int64 = 5_000

  /// A store's round trip, the median of several, against the deadline of a whole check.
  package static func latency(
    _ subject: String, microseconds: Int64, deadlineMilliseconds: Int64
  ) -> Finding {
    let found = "\(microseconds / 1000).\(microseconds % 1000 / 100) ms"
    if microseconds > deadlineMilliseconds * 1000 / 3 {
      return .bad(
        subject, "\(found), too slow for a deadline of \(deadlineMilliseconds) ms",
        "put it next to the gate, or raise server.deadline_ms")
    }
    guard microseconds > slowMicroseconds else { return .good(subject, found) }
    return .warning(subject, found, "every check waits for it: put it next to the gate")
  }

  /// How far a store's clock is ahead of this machine's.
  package static func clock(_ subject: String, aheadMilliseconds ahead: Int64) -> Finding {
    let off = ahead.magnitude
    let found = "\(off) ms \(ahead < 0 ? "behind" : "ahead of") this machine"
    let remedy = "let all machines follow NTP: expiries, resets and webhook signatures compare clocks"
    if off > 10_000 { return .bad(subject, found, remedy) }
    return off > 1_000 ? .warning(subject, found, remedy) : .good(subject, found)
  }

  /// The config file, once it could be read.
  package static func config(_ settings: Settings) -> [Finding] {
    let catalog = settings.catalog
    let found = "\(settings.path): \(catalog.plans.count) plans, \(catalog.features.count) features"
    return [.good("config", found)]
      + settings.warnings.map { .warning("config", $0, "see `tollgate config check`, and docs/CONFIG.md") }
  }

  /// The config file, when it could not.
  package static func config(_ error: SettingsError) -> [Finding] {
    error.mistakes.map { .bad("config", "\($0)", "docs/CONFIG.md has all keys and variables") }
  }

  /// A store that could not be asked.
  package static func outOfReach(_ store: String, _ cause: String, variable: String) -> Finding {
    .bad(store, Printable.line(cause), "start it, or mend \(variable): nothing else of it could be looked at")
  }
}
