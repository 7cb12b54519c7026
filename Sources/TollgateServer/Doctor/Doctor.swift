internal import Billing
internal import Gate
package import Logging
internal import NIOCore
internal import NIOPosix
internal import PostgresStore
internal import RedisStore
internal import Settings

/// `tollgate doctor`: looks at everything that the gate stands on, and changes nothing. Each store is asked over
/// connections of the doctor's own, so that one that is down doesn't hide the other.
package enum Doctor {
  private static let patience = TimeAmount.seconds(5)
  private static let samples = 15

  /// What it found, in the order it is shown. `path` as for ``Settings/load(path:environment:)``.
  package static func examine(
    config path: String?, environment: [String: String], logger: Logger
  ) async -> [Finding] {
    let settings: Settings
    do {
      settings = try Settings.load(path: path, environment: environment)
    } catch {
      return Judgement.config(error)
    }
    async let redis = redis(settings.server, logger: logger)
    async let postgres = postgres(settings.server, logger: logger)
    async let answer = stripe(settings.server.stripe, logger: logger)
    let stores = await redis + postgres
    return await Judgement.config(settings) + stores + Judgement.stripe(settings.server.stripe) + answer
      + [Judgement.events(settings.server.events)]
  }

  /// Asks Stripe, where there is a key that looks like one.
  private static func stripe(_ section: StripeSettings, logger: Logger) async -> [Finding] {
    guard Judgement.stripe(section).first?.level == .good, let client = Backend.stripe(section, logger) else {
      return []
    }
    do throws(StripeError) {
      try await client.probe()
      return [Judgement.stripeAnswer(nil)]
    } catch {
      return [Judgement.stripeAnswer(error)]
    }
  }

  private static func redis(_ server: ServerSettings, logger: Logger) async -> [Finding] {
    do {
      var limits = ConnectionLimits()
      limits.connectTimeout = .milliseconds(server.redis.connectMilliseconds)
      limits.defaultDeadline = patience
      let configuration = try RedisConnectionConfiguration(
        url: RedisURL(server.redis.url.revealed), limits: limits)
      // Without the gate's own hook, which asks Postgres.
      let client = try await RedisClient(
        eventLoops: [MultiThreadedEventLoopGroup.singleton.next()], configuration: configuration,
        logger: logger)
      do {
        do throws(StoreError) {
          try await client.waitUntilReady(deadline: .now() + patience)
        } catch {
          throw StoreError.unavailable("\(configuration.url): \(error)")
        }
        let facts = try await RedisFacts.read(client)
        let (latency, ahead) = try await Doctor.timed { () async throws(StoreError) in
          let parts = try await client.command(["TIME"]).array ?? []
          guard parts.count == 2, let seconds = parts[0].integer, let micros = parts[1].integer else {
            throw .internalError("TIME gave no time")
          }
          return Instant(milliseconds: seconds * 1000 + micros / 1000)
        }
        await client.close()
        return Judgement.redis(facts) + [
          Judgement.latency(
            "redis.latency", microseconds: latency, deadlineMilliseconds: server.http.deadlineMilliseconds),
          Judgement.clock("redis.clock", aheadMilliseconds: ahead),
        ]
      } catch {
        await client.close()
        throw error
      }
    } catch {
      return [Judgement.outOfReach("redis", "\(error)", variable: "TOLLGATE_REDIS_URL")]
    }
  }

  private static func postgres(_ server: ServerSettings, logger: Logger) async -> [Finding] {
    var configuration = Backend.postgres(server)
    configuration.connections = 1
    if let problem = configuration.problem {
      return [Judgement.outOfReach("postgres", problem, variable: "TOLLGATE_POSTGRES_URL")]
    }
    let pool = PostgresPool(configuration: configuration, logger: logger)
    let findings: [Finding]
    do throws(StoreError) {
      _ = try await pool.query("SELECT 1")
      let migrations = try await Migrator.status(configuration, logger: logger)
      let facts = try await PostgresFacts.read(pool, migrations)
      let (latency, ahead) = try await Doctor.timed { () async throws(StoreError) in
        let rows = try await pool.query("SELECT clock_timestamp() AS now")
        guard let now = rows.first?.instant("now") else { throw .internalError("a clock without a time") }
        return now
      }
      // No check waits for Postgres in steady state: its latency is told, and not judged by the deadline.
      findings =
        Judgement.postgres(facts) + [
          .good("postgres.latency", "\(latency / 1000).\(latency % 1000 / 100) ms"),
          Judgement.clock("postgres.clock", aheadMilliseconds: ahead),
        ]
    } catch {
      findings = [Judgement.outOfReach("postgres", "\(error)", variable: "TOLLGATE_POSTGRES_URL")]
    }
    await pool.close()
    return findings
  }

  /// Asks for a store's time again and again: the median round trip in microseconds, and how far its clock is
  /// ahead, taken from the quickest answer, for that is the most exact.
  private static func timed(
    _ ask: () async throws(StoreError) -> Instant
  ) async throws(StoreError) -> (microseconds: Int64, aheadMilliseconds: Int64) {
    var trips: [(microseconds: Int64, ahead: Int64)] = []
    for _ in 0..<samples {
      let before = Clock.now()
      let start = ContinuousClock.now
      let theirs = try await ask()
      let trip = start.duration(to: .now)
      let microseconds = trip.components.seconds * 1_000_000 + trip.components.attoseconds / 1_000_000_000_000
      trips.append((microseconds, theirs.milliseconds - before.milliseconds - microseconds / 2000))
    }
    trips.sort { $0.microseconds < $1.microseconds }
    return (trips[trips.count / 2].microseconds, trips[0].ahead)
  }
}
