import Foundation
import Gate
import TestServers
import Testing

@testable import RedisStore

/// The scripts on a real Redis against the model, operation by operation. The worlds are the same each time, so
/// that a difference is a change's and not chance's; `TOLLGATE_TEST_SEED` plays another one, and
/// `TOLLGATE_TEST_OPERATIONS` is how many operations there are in all.
@Suite(.timeLimit(.minutes(60))) struct DifferentialTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seed = environment["TOLLGATE_TEST_SEED"].flatMap { UInt64($0) }
  /// The last two once found what a rebuild from the books forgot: a hold's period, and debt that grants could pay.
  private static let worlds: [UInt64] = [1, 2, 3, 5, 4, 9_504_369_125_463_706_571]
  private static let operations = environment["TOLLGATE_TEST_OPERATIONS"].flatMap { Int($0) } ?? 216_000

  @Test(arguments: World.Tempo.allCases) func scriptsDoWhatTheRulesSay(tempo: World.Tempo) async throws {
    let server = try await RedisServer.start()
    let bed = try await RedisBed(server.url)
    let scripts = try TestScripts.withClock()
    try await bed.load(scripts.library)
    let calls = ScriptCalls(scripts: scripts)
    // Many short worlds find more than a long one.
    var total = WorldRun.Counts()
    for number in DifferentialTests.worlds {
      let seed = DifferentialTests.seed ?? number
      print("differential, \(tempo): TOLLGATE_TEST_SEED=\(seed)")
      try await bed.command("FLUSHALL")
      var run = WorldRun(bed: bed, world: World(seed: seed, tempo: tempo, calls: calls), seed: seed)
      let isFine = try await run.play(
        operations: DifferentialTests.operations / DifferentialTests.worlds.count / 3)
      total.add(run.counts)
      if !isFine || DifferentialTests.seed != nil { break }
    }
    print("differential, \(tempo): \(total)")
    try await bed.close()
    try await server.kill9()
  }
}
