/// Makes the events' settings of values that the schema has found good.
enum EventBuilder {
  static func build(_ values: inout SettingValues) -> EventSettings {
    let names = values.names(["events", "targets"])
    for name in names { checkURL(of: name, &values) }
    return EventSettings(
      keepDays: values.integer("events.keep_days") ?? 0,
      targets: names.map { name in
        EventTargetSettings(
          name: name, url: Secret(values.text("events.targets.*.url", name) ?? ""),
          types: values.texts("events.targets.*.types", name),
          timeoutMilliseconds: values.integer("events.targets.*.timeout_ms", name) ?? 0,
          secrets: values.texts("events.targets.*.secrets", name).map { Secret($0) })
      })
  }

  /// The body tells who uses how much: it goes in the clear only where nobody else listens.
  private static func checkURL(of name: String, _ values: inout SettingValues) {
    guard let url = values.text("events.targets.*.url", name), url.hasPrefix("http://") else { return }
    let path = ["events", "targets", name, "url"]
    guard values.boolean("events.targets.*.allow_http", name) else {
      values.mistake(path, "is http; use https, or `allow_http: true` for a host of a private network")
      return
    }
    guard let host = WebURL.authority(of: url)?.host, PrivateHost.isPrivate(host) else {
      values.mistake(path, "is http to a host that is not of a private network; use https")
      return
    }
  }
}
