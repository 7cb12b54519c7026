internal import Events
internal import Gate

/// The part of `GET /metrics` that is about events. The gauges are of the books, and so the same on every gate; the
/// counters are this process' own. Targets are the config's, at most 8.
struct EventMetrics: Sendable {
  /// nil without a target.
  let deliverer: EventDeliverer?

  func render(now: Instant) async -> String {
    guard let deliverer else { return "" }
    var text = ""
    family("tollgate_event_attempts_total", "counter", "Attempts of this process to deliver an event.", &text)
    for (target, counters) in deliverer.counters {
      let results = [
        ("delivered", counters.delivered), ("retried", counters.retried), ("failed", counters.failed),
      ]
      for (result, count) in results {
        text += "tollgate_event_attempts_total{target=\"\(target)\",result=\"\(result)\"} \(count)\n"
      }
    }
    guard let backlog = try? await deliverer.backlog() else { return text }
    gauge("tollgate_events_pending", "Events that wait for a target.", backlog, &text) { "\($0.pending)" }
    gauge(
      "tollgate_events_oldest_pending_seconds", "How long the oldest of them waits.", backlog, &text
    ) { waiting in
      "\(waiting.oldestSince.map { Double(max(0, now.milliseconds - $0.milliseconds)) / 1000 } ?? 0)"
    }
    gauge(
      "tollgate_event_target_paused", "1: the target answered 410, and is left alone.", backlog, &text
    ) { $0.isPaused ? "1" : "0" }
    return text
  }

  private func gauge(
    _ name: String, _ help: String, _ backlog: [EventBacklog], _ text: inout String,
    _ value: (EventBacklog) -> String
  ) {
    family(name, "gauge", help, &text)
    for waiting in backlog { text += "\(name){target=\"\(waiting.target)\"} \(value(waiting))\n" }
  }

  private func family(_ name: String, _ type: String, _ help: String, _ text: inout String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }
}
