internal import CCounting
internal import Gate
internal import GateAPI
internal import NIOCore
internal import NIOPosix

/// An allowed spend's answer, with all its headers, into the connection's out-buffer: from the counters' numbers to
/// the moment at which the connection goes on with the next request. Writing to the socket is no part of it.
enum ResponseEncoding {
  static func run(_ iterations: Int) async throws -> Counts {
    let place = try Place()
    defer { place.remove() }
    let gate = try await GateUnderTest.start(at: place.path("gate")) { _ in KnowingEngine() }
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    let path = gate.path
    let loop = gate.loop
    try await threads.runIfActive {
      let client = try ScriptedClient(path: path, connections: 1, depth: 1)
      for _ in 0..<100 { try client.round() }
      try loop.submit { hot_path_reset() }.wait()
      for _ in 0..<iterations { try client.round() }
    }
    let counts = try await loop.submit { Counts.ofThisThread(iterations: iterations) }.get()
    try await gate.stop()
    try await threads.shutdownGracefully()
    return counts
  }
}

/// Counters that answer at once, so that the answer is written before the connection has left its read: nothing
/// is flushed in between.
private final class KnowingEngine: CheckEngine {
  var isReady: Bool { true }
  var epoch: Int64 = 1

  func prepare(_ rights: Rights, feature: Feature, verify: Bool) -> PreparedRights {
    PreparedRights(feature: feature, bytes: [], ownCalendar: 0, poolCalendar: 0, dayCalendar: 0)
  }

  func check(_ call: CheckCall, _ prepared: PreparedCheck) {
    call.verdict = .allowed
    call.numbers = Subject.numbers
    hot_path_begin()
    call.owner.completed(call)
    hot_path_end()
  }

  func cachedPrincipal(_ hash: TokenHash, completion: @escaping (Principal?) -> Void) {
    completion(Subject.principal)
  }

  func now() -> Instant { Subject.now }
  func adoptClock(_ now: Instant) {}
  func remember(_ principal: Principal, for hash: TokenHash) {}
  func forget(_ hash: TokenHash) {}
  func resolve(_ resolution: HoldResolution, completion: @escaping (HoldAnswer) -> Void) {
    completion(.unavailable)
  }
  func recall(_ hold: HoldRecord, completion: @escaping () -> Void) { completion() }
  func report(_ prepared: PreparedCheck, completion: @escaping (ReportAnswer) -> Void) {
    completion(.unavailable)
  }
}
