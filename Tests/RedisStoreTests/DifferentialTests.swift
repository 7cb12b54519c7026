import Foundation
import Gate
import TestServers
import Testing

@testable import RedisStore

/// The scripts on a real Redis against the model, operation by operation. `TOLLGATE_TEST_SEED` replays one
/// world; `TOLLGATE_TEST_OPERATIONS` is how many operations there are in all.
@Suite(.timeLimit(.minutes(60))) struct DifferentialTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seed = environment["TOLLGATE_TEST_SEED"].flatMap { UInt64($0) }
  private static let operations = environment["TOLLGATE_TEST_OPERATIONS"].flatMap { Int($0) } ?? 90_000

  @Test(arguments: World.Tempo.allCases) func scriptsDoWhatTheRulesSay(tempo: World.Tempo) async throws {
    let server = try await RedisServer.start()
    let bed = try await RedisBed(server.url)
    let scripts = try TestScripts()
    try await bed.load(scripts.all)
    let calls = ScriptCalls(scripts)
    // Many short worlds find more than a long one.
    let worlds = 4
    var total = WorldRun.Counts()
    for _ in 0..<worlds {
      let seed = DifferentialTests.seed ?? .random(in: 0 ... .max)
      try await bed.command("FLUSHALL")
      var run = WorldRun(bed: bed, world: World(seed: seed, tempo: tempo, calls: calls), seed: seed)
      let isFine = try await run.play(operations: DifferentialTests.operations / worlds / 3)
      total.add(run.counts)
      if !isFine || DifferentialTests.seed != nil { break }
    }
    print("differential, \(tempo): \(total)")
    try await bed.close()
    try await server.kill9()
  }
}
