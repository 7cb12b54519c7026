extension Schema {
  /// Where events are sent. The targets are the operator's: nothing that a caller sends ever names one.
  static let eventKeys: [SettingKey] = [
    SettingKey("events", .section, .absent("all defaults"), "Events, and where they are sent."),
    SettingKey(
      "events.keep_days", .integer(31...3650), .value(.integer(90)),
      "Days after which an event is dropped, counted from the end of the period that it tells of."),
    SettingKey(
      "events.targets", .named(.targetName, count: 0...8), .absent("events are only listed"),
      "Who is told of events, by name; their secrets are in `TOLLGATE_EVENT_SECRETS_*`."),
    SettingKey(
      "events.targets.*.url", .text(.targetURL), .required,
      "Where its events are posted; redirects are not followed."),
    SettingKey(
      "events.targets.*.allow_http", .boolean, .value(.boolean(false)),
      "Whether the URL may be http, to a host of this machine or a private network."),
    SettingKey(
      "events.targets.*.types", .texts(.eventType, count: 1...16), .absent("every type"),
      "The types of event that it gets."),
    SettingKey(
      "events.targets.*.timeout_ms", .integer(100...30_000), .value(.integer(15_000)),
      "What one attempt may take."),
    SettingKey(
      "events.targets.*.secrets", .texts(.signingSecret, count: 1...8), .required,
      source: .environmentByName("TOLLGATE_EVENT_SECRETS_"), isSecret: true,
      "Signing secrets of the target with that name; several while one is rolled, the new one first."),
  ]
}
