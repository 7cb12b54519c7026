internal import Gate
internal import GateAPI
internal import RedisStore
internal import Settings

/// What it takes to answer while the counters are away, and to charge for it afterwards.
extension Backend {
  func degradedMode(gate: String) -> DegradedMode {
    let terms = settings.server.degraded
    return DegradedMode(
      allowance: DegradedAllowance(tokensPerUser: terms.tokensPerUser, usersMax: terms.usersMax),
      charges: store, gate: gate, waitMilliseconds: terms.waitMilliseconds, now: Clock.now)
  }

  func chargeCollector(
    _ mode: DegradedMode, _ budgets: LiveBudgets, _ loader: any AccountLoading, _ streams: [UsageStream],
    _ flusher: Flusher
  ) -> ChargeCollector {
    let counters = ChargeCounters(
      engine: budgets.engine, principals: store, loader: loader, publisher: publisher,
      catalog: settings.catalog, calendar: ZonedCalendar(settings.catalog), now: Clock.now)
    return ChargeCollector(
      charges: store, counters: counters, mode: mode, streams: streams,
      flushed: { bucket in await flusher.settled(bucket: bucket) }, logger: logger)
  }
}
