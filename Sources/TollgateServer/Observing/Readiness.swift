internal import AdminAPI
internal import Gate
internal import NIOCore
internal import PostgresStore
internal import RedisStore
internal import Settings
internal import Synchronization

/// The admin listeners that don't accept connections yet. Each listener opens by itself; who has seen /readyz at the
/// gate may ask any of them.
final class AwaitedListeners: Sendable {
  private let left: Atomic<Int>

  init(_ count: Int) { left = Atomic(count) }

  func opened() { left.subtract(1, ordering: .relaxed) }
  var areOpen: Bool { left.load(ordering: .relaxed) <= 0 }
}

/// What /readyz tells. The gate takes traffic while Redis answers: without Postgres it goes on with what it has
/// cached, and the stream grows. Without Redis it takes traffic if it has a feature that is allowed then, and
/// Postgres, to write down what it allows.
struct ReadinessProbe: Sendable {
  let backend: Backend
  let gate: GateServer
  let flusher: Flusher
  let listeners: AwaitedListeners

  func probe() async -> Readiness {
    async let redis = redisComponent()
    async let postgres = postgresComponent()
    async let stream = streamComponent()
    let components = await [redis, postgres, stream]
    let answers = components[0].isUp || (allowsWithoutRedis && components[1].isUp)
    return Readiness(isReady: answers && listeners.areOpen && !gate.draining, components: components)
  }

  private var allowsWithoutRedis: Bool {
    backend.settings.catalog.features.values.contains { $0.onStoreFailure == .allow }
  }

  private func redisComponent() async -> Readiness.Component {
    let engines = await gate.onEveryLoop { $0.engine.isReady }
    let isUp = !engines.isEmpty && engines.allSatisfy { $0 }
    return Readiness.Component(
      name: "redis", isUp: isUp,
      details: [JSON.Member("connections", .integer(Int64(engines.filter { $0 }.count)))])
  }

  private func postgresComponent() async -> Readiness.Component {
    do throws(StoreError) {
      let backlogs = try await backend.store.backlogs()
      return Readiness.Component(
        name: "postgres", isUp: true,
        details: [
          JSON.Member("outbox_pending", .integer(backlogs.outboxRows)),
          JSON.Member("outbox_oldest_age_ms", .integer(backlogs.outboxAgeMilliseconds)),
        ])
    } catch {
      return Readiness.Component(name: "postgres", isUp: false)
    }
  }

  private func streamComponent() async -> Readiness.Component {
    do throws(StoreError) {
      let lag = try await flusher.lag(now: Clock.now())
      return Readiness.Component(
        name: "stream", isUp: true,
        details: [
          JSON.Member("entries", .integer(lag.entries)), JSON.Member("pending", .integer(lag.pending)),
          JSON.Member("oldest_age_ms", .integer(lag.ageMilliseconds)),
        ])
    } catch {
      return Readiness.Component(name: "stream", isUp: false)
    }
  }
}
