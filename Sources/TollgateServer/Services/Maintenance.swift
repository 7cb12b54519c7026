internal import Billing
internal import Gate
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle

/// What has to be done now and then, by any number of gates: partitions ahead, rows out that nobody reads.
struct Maintenance: Service {
  let store: PostgresStore
  let logger: Logger

  private static let every = Duration.seconds(3600)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await maintain()
        try? await Task.sleep(for: Maintenance.every)
      }
    }
  }

  private func maintain() async {
    do throws(StoreError) {
      try await store.maintain()
    } catch {
      logger.warning("maintenance failed", metadata: ["error": "\(error)"])
    }
  }
}

/// Webhook events that found no account are tried again, on and on.
struct UnmatchedReplayService: Service {
  let replay: UnmatchedReplay

  func run() async throws {
    await cancelWhenGracefulShutdown { await replay.run() }
  }
}
