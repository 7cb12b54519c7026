package import Settings

extension Judgement {
  /// Who is told of events. Their URLs and secrets were judged when the settings were read; neither is shown.
  package static func events(_ events: EventSettings) -> Finding {
    let subject = "events.targets"
    guard !events.targets.isEmpty else {
      return .good(subject, "none: events are listed by the admin API alone")
    }
    if let target = events.targets.first(where: { $0.url.revealed.hasPrefix("http://") }) {
      return .warning(
        subject, "\(target.name) gets its events in the clear",
        "let it listen on https, unless nobody else is on its network")
    }
    let names = events.targets.map(\.name).joined(separator: ", ")
    return .good(subject, "\(names); `tollgate events test TARGET` tries one out")
  }
}
