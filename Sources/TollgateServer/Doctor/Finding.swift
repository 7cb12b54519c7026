/// One thing that `tollgate doctor` looked at.
package struct Finding: Sendable, Equatable {
  /// How it is.
  package enum Level: String, Sendable, CaseIterable {
    case good = "ok"
    /// It works, at a price that somebody should know of.
    case warning
    /// The gate can't do its work so, or not truthfully.
    case bad
  }

  /// How it is.
  package var level: Level
  /// What was looked at: `redis.eviction`. The words are stable.
  package var subject: String
  /// What was found; never a secret.
  package var found: String
  /// How to mend it; nil where it is good.
  package var remedy: String?

  /// A finding at hand; what isn't good has a remedy.
  package init(level: Level, subject: String, found: String, remedy: String? = nil) {
    self.level = level
    self.subject = subject
    self.found = found
    self.remedy = remedy
  }

  static func good(_ subject: String, _ found: String) -> Finding {
    Finding(level: .good, subject: subject, found: found, remedy: nil)
  }
  static func warning(_ subject: String, _ found: String, _ remedy: String) -> Finding {
    Finding(level: .warning, subject: subject, found: found, remedy: remedy)
  }
  static func bad(_ subject: String, _ found: String, _ remedy: String) -> Finding {
    Finding(level: .bad, subject: subject, found: found, remedy: remedy)
  }
}
