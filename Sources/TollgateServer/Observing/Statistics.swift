internal import AdminAPI
internal import Gate
internal import GateAPI
internal import PostgresStore

/// `GET /admin/v1/stats`: what all gates decided in a window, and how the rest is.
struct Statistics: Sendable {
  let recorder: DecisionRecorder
  let flusher: Flusher
  let store: PostgresStore
  let topUsers: TopUsers

  private static let deniedMax = 10
  /// Three times as long as a gate may go without writing.
  private static let aliveSeconds: Int64 = 30
  private static let pointsMax: Int64 = 200

  func answer(windowSeconds: Int64) async throws(StoreError) -> JSON {
    let now = Clock.now()
    let step = Statistics.step(windowSeconds)
    let from = Instant(milliseconds: (now.milliseconds - windowSeconds * 1000) / 60_000 * 60_000)
    let steps = try await figures(from: from, to: now, step: step)
    var sum = DecisionFigures()
    for figures in steps.values { sum.add(figures) }
    async let top = topUsers.most(windowSeconds: windowSeconds, from: from)
    async let lag = try? flusher.lag(now: now)
    let backlogs = try await store.backlogs()
    let drift = try await store.drift()
    let gates = try await store.gatesAlive(withinSeconds: Statistics.aliveSeconds)
    return await [
      "window_s": .integer(windowSeconds), "from": .time(from), "to": .time(now),
      "decisions": Statistics.decisions(sum), "routes": Statistics.routes(sum),
      "shadowed": Statistics.shadowed(sum), "latency_ms": Statistics.latency(sum),
      "top_users": ["by_tokens": Statistics.top(await top), "by_denials": Statistics.denied(sum)],
      "ledger": Statistics.ledger(lag, backlogs),
      "webhooks": [
        "unmatched": .integer(backlogs.unmatchedEvents), "failed": .integer(backlogs.failedEvents),
      ],
      "drift": [
        "accounts": .integer(drift.accounts), "last_run_at": .time(drift.lastRunAt),
        "compared": .integer(drift.compared), "drifted": .integer(drift.drifted),
        "mended": .integer(drift.mended),
      ],
      "gates": ["alive": .integer(Int64(gates.count)), "names": .array(gates.map(JSON.string))],
      "series": [
        "step_s": .integer(step),
        "items": .array(steps.sorted { $0.key < $1.key }.map { Statistics.point($0.key, $0.value) }),
      ],
    ]
  }

  /// Seconds of one point of the series: minutes, and more where that were too many. What is older than two days
  /// is kept by the hour.
  static func step(_ windowSeconds: Int64) -> Int64 {
    let steps: [Int64] = [60, 300, 600, 900]
    if windowSeconds <= 2 * 86_400 - 3_600, let step = steps.first(where: { windowSeconds / $0 <= pointsMax })
    {
      return step
    }
    return [3_600, 7_200, 14_400].first { windowSeconds / $0 <= pointsMax } ?? 21_600
  }

  /// What is written, and in the place of this gate's last minutes what it knows better. Every step has a figure.
  private func figures(
    from: Instant, to: Instant, step: Int64
  ) async throws(StoreError) -> [Instant: DecisionFigures] {
    let own = await recorder.unwritten().filter { $0.key >= from }
    let window = DecisionWindow(
      from: from, to: to, stepSeconds: step, gate: recorder.name, without: Array(own.keys))
    var steps: [Instant: DecisionFigures] = [:]
    func start(_ minute: Instant) -> Instant {
      Instant(milliseconds: minute.milliseconds / (step * 1000) * (step * 1000))
    }
    var next = start(from)
    while next <= to {
      steps[next] = DecisionFigures()
      next = next.advanced(seconds: step)
    }
    for (begin, row) in try await store.decisions(window) {
      let figures = DecisionFigures(
        decisions: row.decisions, latencies: row.latencies, denied: row.denied)
      steps[start(begin), default: DecisionFigures()].add(figures)
    }
    for (minute, figures) in own { steps[start(minute), default: DecisionFigures()].add(figures) }
    return steps
  }

  private static func top(_ users: [(user: String, tokens: Int64)]?) -> JSON {
    guard let users else { return .null }
    return .array(users.map { ["user": .string($0.user), "tokens": .integer($0.tokens)] })
  }

  private static func decisions(_ sum: DecisionFigures) -> JSON {
    .object(
      GateMetrics.Outcome.allCases.map { outcome in
        JSON.Member(outcome.label, .integer(Int64(clamping: sum.count(outcome))))
      })
  }

  private static func routes(_ sum: DecisionFigures) -> JSON {
    .object(
      GateMetrics.Route.allCases.map { route in
        let count = GateMetrics.Outcome.allCases.reduce(UInt64(0)) {
          $0 + (sum.decisions[DecisionFigures.key(route, $1)] ?? 0)
        }
        return JSON.Member(route.template, .integer(Int64(clamping: count)))
      })
  }

  private static func shadowed(_ sum: DecisionFigures) -> JSON {
    .object(
      ShadowedLimits.names.map { limit in
        JSON.Member(limit.name, .integer(Int64(clamping: sum.decisions["shadowed.\(limit.name)"] ?? 0)))
      })
  }

  private static func latency(_ sum: DecisionFigures) -> JSON {
    [
      "count": .integer(Int64(clamping: sum.latencies.values.reduce(0, &+))),
      "p50": milliseconds(sum.percentile(0.5)), "p90": milliseconds(sum.percentile(0.9)),
      "p99": milliseconds(sum.percentile(0.99)), "p99_9": milliseconds(sum.percentile(0.999)),
    ]
  }

  private static func denied(_ sum: DecisionFigures) -> JSON {
    let most = sum.denied.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(deniedMax)
    return .array(most.map { ["user": .string($0.key), "denials": .integer(Int64(clamping: $0.value))] })
  }

  private static func ledger(_ lag: StreamLag?, _ backlogs: Backlogs) -> JSON {
    [
      "stream_entries": .amount(lag?.entries), "stream_pending": .amount(lag?.pending),
      "stream_oldest_age_ms": .amount(lag?.ageMilliseconds),
      "outbox_pending": .integer(backlogs.outboxRows),
      "outbox_oldest_age_ms": .integer(backlogs.outboxAgeMilliseconds),
    ]
  }

  private static func point(_ start: Instant, _ figures: DecisionFigures) -> JSON {
    let allowed: [GateMetrics.Outcome] = [.allowed, .replayed, .degraded]
    let sum = { (outcomes: [GateMetrics.Outcome]) in
      JSON.integer(Int64(clamping: outcomes.reduce(UInt64(0)) { $0 + figures.count($1) }))
    }
    let denied = GateMetrics.Outcome.allCases.filter { !allowed.contains($0) && $0 != .unavailable }
    return [
      "start": .time(start), "allowed": sum(allowed), "denied": sum(denied),
      "unavailable": sum([.unavailable]),
      "p50_ms": milliseconds(figures.percentile(0.5)), "p99_ms": milliseconds(figures.percentile(0.99)),
    ]
  }

  /// With the microseconds behind the point.
  private static func milliseconds(_ microseconds: UInt64?) -> JSON {
    guard let microseconds else { return .null }
    let rest = String(1000 + microseconds % 1000).dropFirst()
    return .number("\(microseconds / 1000).\(rest)")
  }
}
