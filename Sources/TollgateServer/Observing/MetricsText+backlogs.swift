internal import Gate
internal import PostgresStore

/// What waits, and what differs.
extension MetricsText {
  func books(_ text: inout String) async {
    if let lag = try? await flusher.lag(now: Clock.now()) {
      gauge("tollgate_stream_entries", "Usage entries that are not booked yet.", "\(lag.entries)", &text)
      gauge("tollgate_stream_pending", "Those of them that a flusher has read.", "\(lag.pending)", &text)
      let age = "\(Double(lag.ageMilliseconds) / 1000)"
      gauge("tollgate_stream_age_seconds", "Age of the oldest of them.", age, &text)
    }
    metric("tollgate_booked_total", "counter", "Usage entries that this process booked.", &text)
    text += "tollgate_booked_total \(await flusher.booked)\n"
    metric("tollgate_booking_failures_total", "counter", "Attempts to book that failed.", &text)
    text += "tollgate_booking_failures_total \(await flusher.failures)\n"
  }

  func backlogs(_ text: inout String) async {
    guard let backlogs = try? await store.backlogs() else { return }
    gauge(
      "tollgate_outbox_pending", "Changes that Redis has not learnt of yet.", "\(backlogs.outboxRows)", &text)
    let age = "\(Double(backlogs.outboxAgeMilliseconds) / 1000)"
    gauge("tollgate_outbox_age_seconds", "Age of the oldest of them.", age, &text)
    metric("tollgate_webhook_events", "gauge", "Stripe's events that are not done with.", &text)
    text += "tollgate_webhook_events{status=\"unmatched\"} \(backlogs.unmatchedEvents)\n"
    text += "tollgate_webhook_events{status=\"failed\"} \(backlogs.failedEvents)\n"
  }

  func drift(_ text: inout String) async {
    let name = "tollgate_reconcile_accounts_total"
    metric(name, "counter", "Accounts that this process compared, by what it found.", &text)
    for state in AccountFinding.State.allCases {
      text += "\(name){result=\"\(state.rawValue)\"} \(reconciliation.counts[state] ?? 0)\n"
    }
    guard let drift = await reconciliation.drift() else { return }
    gauge("tollgate_drift_accounts", "Accounts that differ and are not mended.", "\(drift.accounts)", &text)
    guard let last = drift.lastRunAt else { return }
    let time = "tollgate_reconcile_last_run_timestamp_seconds"
    gauge(time, "When accounts were last compared.", "\(Double(last.milliseconds) / 1000)", &text)
  }

  func gauge(_ name: String, _ help: String, _ value: String, _ text: inout String) {
    metric(name, "gauge", help, &text)
    text += "\(name) \(value)\n"
  }
}
