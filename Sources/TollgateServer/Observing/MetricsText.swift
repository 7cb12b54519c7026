internal import Billing
internal import Gate
internal import GateAPI
internal import HTTPServing
internal import NIOCore
internal import PostgresStore
internal import RedisStore

/// `GET /metrics`: Prometheus' text format 0.0.4. Labels are routes' templates and outcomes, never users
/// or tokens.
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
struct MetricsText: Sendable {
  let gate: GateServer
  let flusher: Flusher
  let events: EventMetrics
  let webhooks: EventTally
  let charges: any ChargeCollecting
  let reconciliation: ReconcileService
  let store: PostgresStore

  struct LoopFigures: Sendable {
    var outcomes: [UInt64]
    var shadowed: [UInt64]
    var latencies: [UInt64]
    var latencySums: [UInt64]
    var degradedTokens: UInt64
    var redis: RedisConnectionCounters
  }

  func render() async -> String {
    let loops = await gate.onEveryLoop { parts in
      LoopFigures(
        outcomes: parts.handler.metrics.outcomes, shadowed: parts.handler.metrics.shadowed,
        latencies: parts.handler.metrics.latencies,
        latencySums: parts.handler.metrics.latencySums,
        degradedTokens: parts.handler.metrics.degradedTokens,
        redis: parts.engine.counters)
    }
    var text = ""
    decisions(loops, &text)
    shadow(loops, &text)
    latency(loops, &text)
    redis(loops, &text)
    await books(&text)
    await backlogs(&text)
    await drift(&text)
    text += await events.render(now: Clock.now())
    billing(&text)
    await degraded(loops, &text)
    metric("tollgate_connections_open", "gauge", "Open connections of the gate's listeners.", &text)
    text += "tollgate_connections_open \(gate.counters.connectionsOpen)\n"
    metric("tollgate_connections_rejected_total", "counter", "Connections over the limit.", &text)
    text += "tollgate_connections_rejected_total \(gate.counters.connectionsRejected)\n"
    return text
  }

  private func decisions(_ loops: [LoopFigures], _ text: inout String) {
    metric("tollgate_decisions_total", "counter", "Answers of the data plane by route and outcome.", &text)
    for route in GateMetrics.Route.allCases {
      for outcome in GateMetrics.Outcome.allCases {
        let sum = loops.reduce(0) { $0 + $1.outcomes[GateMetrics.index(route, outcome)] }
        text += "tollgate_decisions_total{route=\"\(route.template)\",outcome=\"\(outcome.label)\"} \(sum)\n"
      }
    }
  }

  private func shadow(_ loops: [LoopFigures], _ text: inout String) {
    metric(
      "tollgate_shadow_denials_total", "counter", "Checks let through that a limit would have refused.", &text
    )
    for (index, entry) in ShadowedLimits.names.enumerated() {
      let sum = loops.reduce(0) { $0 + $1.shadowed[index] }
      text += "tollgate_shadow_denials_total{limit=\"\(entry.name)\"} \(sum)\n"
    }
  }

  /// Powers of two of microseconds, from 64 µs to 17 s, which are bounds of the buckets that are counted.
  private static let powers = 6...24

  private func latency(_ loops: [LoopFigures], _ text: inout String) {
    let name = "tollgate_decision_duration_seconds"
    metric(name, "histogram", "From the request read to the answer written.", &text)
    for route in GateMetrics.Route.allCases {
      let first = route.rawValue * LatencyBuckets.count
      let counts = (0..<LatencyBuckets.count).map { bucket in
        loops.reduce(UInt64(0)) { $0 + $1.latencies[first + bucket] }
      }
      let label = "route=\"\(route.template)\""
      for power in MetricsText.powers {
        let cumulative = counts[..<LatencyBuckets.index(1 << UInt64(power))].reduce(0, +)
        let bound = Double(UInt64(1) << UInt64(power)) / 1_000_000
        text += "\(name)_bucket{\(label),le=\"\(bound)\"} \(cumulative)\n"
      }
      let count = counts.reduce(0, +)
      text += "\(name)_bucket{\(label),le=\"+Inf\"} \(count)\n"
      let sum = loops.reduce(0) { $0 + $1.latencySums[route.rawValue] }
      text += "\(name)_sum{\(label)} \(Double(sum) / 1_000_000)\n"
      text += "\(name)_count{\(label)} \(count)\n"
    }
  }

  private func redis(_ loops: [LoopFigures], _ text: inout String) {
    let figures: [(String, String, String, (RedisConnectionCounters) -> Int)] = [
      ("tollgate_redis_commands_total", "counter", "Commands sent.", { Int($0.commandsSent) }),
      ("tollgate_redis_writes_total", "counter", "Writes to Redis' socket.", { Int($0.writes) }),
      ("tollgate_redis_timeouts_total", "counter", "Commands past their deadline.", { Int($0.timeouts) }),
      ("tollgate_redis_pending", "gauge", "Commands under way.", { Int($0.pending) }),
    ]
    for (name, type, help, value) in figures {
      metric(name, type, help, &text)
      text += "\(name) \(loops.reduce(0) { $0 + value($1.redis) })\n"
    }
  }

  private func billing(_ text: inout String) {
    let counts = webhooks.counts
    metric("tollgate_webhooks_total", "counter", "Stripe events by what became of them.", &text)
    for outcome in ["processed", "ignored", "unmatched", "failed"] {
      text += "tollgate_webhooks_total{outcome=\"\(outcome)\"} \(counts.byOutcome[outcome] ?? 0)\n"
    }
    let figures = [
      ("duplicates", "Deliveries of events that were done before.", counts.duplicates),
      ("unknown_prices", "Events about a price that maps to no plan.", counts.unknownPrices),
      ("turned_away", "Deliveries answered 503, for too many waited.", counts.turnedAway),
    ]
    for (name, help, value) in figures {
      metric("tollgate_webhook_\(name)_total", "counter", help, &text)
      text += "tollgate_webhook_\(name)_total \(value)\n"
    }
  }

  private func degraded(_ loops: [LoopFigures], _ text: inout String) async {
    metric("tollgate_degraded_tokens_total", "counter", "Tokens allowed while Redis was away.", &text)
    text += "tollgate_degraded_tokens_total \(loops.reduce(0) { $0 + $1.degradedTokens })\n"
    if let (count, oldest) = try? await charges.chargeBacklog() {
      metric("tollgate_degraded_charges", "gauge", "What was allowed then and is not charged yet.", &text)
      text += "tollgate_degraded_charges \(count)\n"
      let age = oldest.map { max(0, Clock.now().milliseconds - $0.milliseconds) } ?? 0
      metric("tollgate_degraded_charge_age_seconds", "gauge", "Age of the oldest of it.", &text)
      text += "tollgate_degraded_charge_age_seconds \(Double(age) / 1000)\n"
    }
  }

  func metric(_ name: String, _ type: String, _ help: String, _ text: inout String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }
}
