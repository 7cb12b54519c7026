package import Gate

/// Tries unmatched events again: within a second when what one waits for has appeared, and all of them now and
/// then, for what no table tells, such as a plan that is new in the config file. One per gate is harmless, for
/// each event is claimed.
package struct UnmatchedReplay: Sendable {
  let events: EventProcessor
  let intervalSeconds: Int64
  let now: @Sendable () -> Instant

  /// `intervalSeconds`: 1 to 3600, between two passes over all.
  package init(
    events: EventProcessor, intervalSeconds: Int64 = 60, now: @escaping @Sendable () -> Instant
  ) {
    precondition((1...3600).contains(intervalSeconds), "an unreasonable interval")
    self.events = events
    self.intervalSeconds = intervalSeconds
    self.now = now
  }

  /// Runs until the task is cancelled; the wiring puts it into the service group.
  package func run() async {
    while !Task.isCancelled {
      for _ in 0..<intervalSeconds {
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
        await events.replayAppeared(now: now())
      }
      await events.replayUnmatched(waitingFor: nil, now: now())
    }
  }
}
