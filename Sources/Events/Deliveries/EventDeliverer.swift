package import Gate
package import Logging

/// Delivers events to their targets, at least once each. Every gate runs one: they share the work by claims, and
/// what one of them leaves behind is taken over when its lease ends. Each target has its own attempts and its
/// own pace, so that a slow one holds up nobody else.
package struct EventDeliverer: Sendable {
  /// What all targets share.
  struct Parts: Sendable {
    var store: any EventDeliveryStore
    var transport: any WebhookTransport
    var pollEvery: Duration
    var now: @Sendable () -> Instant
    var jitter: @Sendable () -> Double
    var logger: Logger
  }

  private let parts: Parts
  private let deliverers: [TargetDeliverer]

  private static let keepEvery = Duration.seconds(60)

  /// Over targets that are registered. `jitter` gives 0 to 1.
  package init(
    store: any EventDeliveryStore, targets: [DeliveryTarget], transport: any WebhookTransport,
    pollMilliseconds: Int64, now: @escaping @Sendable () -> Instant,
    jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }, logger: Logger
  ) {
    let parts = Parts(
      store: store, transport: transport, pollEvery: .milliseconds(pollMilliseconds), now: now,
      jitter: jitter,
      logger: logger)
    self.parts = parts
    deliverers = targets.map { TargetDeliverer($0, parts) }
  }

  /// Connections to one host that are enough for all targets to be there.
  package static func connections(for targets: Int) -> Int { targets * TargetDeliverer.concurrencyMax }

  /// Delivers until ``stop()`` is called, or the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await keepTargets() }
      await withDiscardingTaskGroup { deliveries in
        for deliverer in deliverers { deliveries.addTask { await deliverer.run() } }
      }
      group.cancelAll()
    }
  }

  /// Starts nothing more; ``run()`` returns soon after.
  package func stop() {
    for deliverer in deliverers { deliverer.stop() }
  }

  /// Since this process started, by target, in the order of the config.
  package var counters: [(target: String, counters: DeliveryCounters)] {
    deliverers.map { ($0.target.name, $0.counters) }
  }

  /// What waits in the books for the targets, whoever delivers it.
  package func backlog() async throws(StoreError) -> [EventBacklog] {
    try await parts.store.eventBacklog(of: deliverers.map(\.target.name))
  }

  private func keepTargets() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: EventDeliverer.keepEvery) } catch { return }
      do throws(StoreError) {
        try await parts.store.keepTargets(deliverers.map(\.target.name))
      } catch {
        parts.logger.debug("event targets not kept", metadata: ["error": "\(error)"])
      }
    }
  }
}
