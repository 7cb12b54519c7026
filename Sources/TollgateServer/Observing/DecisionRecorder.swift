internal import Gate
internal import GateAPI
internal import Logging
internal import PostgresStore
internal import ServiceLifecycle

/// Writes what this gate decides to Postgres, minute by minute, so that any gate can tell of all of them. The
/// minute that is under way is written again and again until it is over; while Postgres is away minutes gather here.
actor DecisionRecorder: Service {
  private let gate: GateServer
  private let store: PostgresStore
  /// This gate, among the others.
  nonisolated let name: String
  private let logger: Logger

  private var counted = DecisionFigures()
  private var countedAt = Clock.now()
  /// Minutes that may still grow, or are not written yet.
  private var minutes: [Int64: DecisionFigures] = [:]
  private var gathering: Task<Void, Never>?
  /// When sums are made next, in milliseconds.
  private var sumsDueAt = Clock.now().milliseconds + Int64.random(in: 0..<DecisionRecorder.minute)

  private static let everySeconds: Int64 = 10
  private static let minute: Int64 = 60_000
  /// A day; older ones are given up.
  private static let minutesMax = 1_440

  init(gate: GateServer, store: PostgresStore, name: String, logger: Logger) {
    self.gate = gate
    self.store = store
    self.name = name
    self.logger = logger
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.write()
        await self.sumUp()
        let now = Clock.now().milliseconds
        let span = DecisionRecorder.everySeconds * 1000
        try? await Task.sleep(for: .milliseconds(span - now % span))
      }
    }
    await write()
  }

  /// The minutes that Postgres doesn't have, or not as they are now.
  func unwritten() async -> [Instant: DecisionFigures] {
    await gather()
    return Dictionary(uniqueKeysWithValues: minutes.map { (Instant(milliseconds: $0.key), $0.value) })
  }

  private func write() async {
    await gather()
    let current = Clock.now().milliseconds / DecisionRecorder.minute * DecisionRecorder.minute
    for (start, figures) in minutes.sorted(by: { $0.key < $1.key }) {
      do throws(StoreError) {
        try await store.writeDecisions(
          gate: name, minute: Instant(milliseconds: start),
          DecisionRow(decisions: figures.decisions, latencies: figures.latencies, denied: figures.denied))
      } catch {
        logger.debug("decisions not written", metadata: ["error": "\(error)"])
        break
      }
      if start < current, minutes[start] == figures { minutes[start] = nil }
    }
    while minutes.count > DecisionRecorder.minutesMax, let oldest = minutes.keys.min() {
      minutes[oldest] = nil
    }
  }

  /// Once a minute, at a second of the gate's own, so that the gates don't all do it.
  private func sumUp() async {
    guard Clock.now().milliseconds >= sumsDueAt else { return }
    sumsDueAt = Clock.now().milliseconds + DecisionRecorder.minute
    do throws(StoreError) {
      while try await store.sumUpDecisions() > 0, !Task.isCancelled {}
    } catch {
      logger.debug("decisions not summed up", metadata: ["error": "\(error)"])
    }
  }

  /// Adds what the loops have counted since the last time. One at a time: two would count the same twice.
  private func gather() async {
    while let running = gathering { await running.value }
    let task = Task { await self.take() }
    gathering = task
    await task.value
    gathering = nil
  }

  private func take() async {
    let loops = await gate.onEveryLoop { parts in
      (DecisionFigures(parts.handler.metrics), parts.handler.takeRefusals())
    }
    var sum = DecisionFigures()
    var denied: [String: UInt64] = [:]
    for (figures, refusals) in loops {
      sum.add(figures)
      for (user, count) in refusals { denied[user, default: 0] &+= count }
    }
    let now = Clock.now()
    var fresh = sum.since(counted)
    fresh.denied = denied
    counted = sum
    // Most of it is of the time that was half over.
    let middle = (countedAt.milliseconds + now.milliseconds) / 2
    countedAt = now
    let start = middle / DecisionRecorder.minute * DecisionRecorder.minute
    minutes[start, default: DecisionFigures()].add(fresh)
    if let all = minutes[start]?.denied, all.count > DecisionFigures.deniedMax * 4 {
      let most = all.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(DecisionFigures.deniedMax * 2)
      minutes[start]?.denied = Dictionary(uniqueKeysWithValues: most.map { ($0.key, $0.value) })
    }
  }
}
