package import Gate

/// Tries unmatched events again on a schedule: the account or price that one waits for may have come by any
/// way, a plain SQL INSERT included. One per gate is harmless, for each event is claimed.
package struct UnmatchedReplay: Sendable {
  let processor: WebhookProcessor
  let intervalSeconds: Int64
  let now: @Sendable () -> Instant

  /// `intervalSeconds`: 1 to 3600, between two passes.
  package init(
    processor: WebhookProcessor, intervalSeconds: Int64 = 60, now: @escaping @Sendable () -> Instant
  ) {
    precondition((1...3600).contains(intervalSeconds), "an unreasonable interval")
    self.processor = processor
    self.intervalSeconds = intervalSeconds
    self.now = now
  }

  /// Runs until the task is cancelled; the wiring puts it into the service group.
  package func run() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: .seconds(intervalSeconds)) } catch { return }
      await processor.replayUnmatched(mentioning: nil, now: now())
    }
  }
}
