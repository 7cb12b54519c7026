internal import AdminAPI
internal import Gate
internal import NIOCore
internal import PostgresStore
internal import RedisStore

/// What /readyz tells. The gate takes traffic while Redis answers: without Postgres it goes on with what it has
/// cached, and the stream grows.
struct ReadinessProbe: Sendable {
  let backend: Backend
  let gate: GateServer
  let flusher: Flusher

  func probe() async -> Readiness {
    async let redis = redisComponent()
    async let postgres = postgresComponent()
    async let stream = streamComponent()
    let components = await [redis, postgres, stream]
    return Readiness(isReady: components[0].isUp && !gate.draining, components: components)
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
      try await backend.store.ping()
      return Readiness.Component(name: "postgres", isUp: true)
    } catch {
      return Readiness.Component(name: "postgres", isUp: false)
    }
  }

  private func streamComponent() async -> Readiness.Component {
    do throws(StoreError) {
      let (count, age) = try await flusher.backlog(now: Clock.now())
      return Readiness.Component(
        name: "stream", isUp: true,
        details: [
          JSON.Member("entries", .integer(count)), JSON.Member("oldest_age_ms", .integer(age)),
        ])
    } catch {
      return Readiness.Component(name: "stream", isUp: false)
    }
  }
}
