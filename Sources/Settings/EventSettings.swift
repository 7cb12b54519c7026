/// The section `events`.
package struct EventSettings: Sendable, Equatable {
  /// Days that an event is kept after its period, 31 to 3,650.
  package var keepDays: Int64
  /// At most 8, in the file's order.
  package var targets: [EventTargetSettings]

  /// Both as the config has them.
  package init(keepDays: Int64, targets: [EventTargetSettings]) {
    self.keepDays = keepDays
    self.targets = targets
  }
}

/// One of `events.targets`.
package struct EventTargetSettings: Sendable, Equatable {
  /// 1 to 32 of `a-z 0-9 _`.
  package var name: String
  /// https, or http to a private host. May hold a secret of its own, and so is one.
  package var url: Secret
  /// Empty: every type.
  package var types: [String]
  /// What one attempt may take, 100 to 30,000.
  package var timeoutMilliseconds: Int64
  /// 1 to 8, of which all sign; from the environment alone.
  package var secrets: [Secret]

  /// The variable that its secrets come in.
  package static func variable(of name: String) -> String {
    "TOLLGATE_EVENT_SECRETS_\(name.uppercased())"
  }

  /// All as the config has them.
  package init(name: String, url: Secret, types: [String], timeoutMilliseconds: Int64, secrets: [Secret]) {
    self.name = name
    self.url = url
    self.types = types
    self.timeoutMilliseconds = timeoutMilliseconds
    self.secrets = secrets
  }
}
