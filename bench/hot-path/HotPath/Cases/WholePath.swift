internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import RedisStore

/// Everything that one loop's thread does for a check: a real server, handler and engine, between a client and a
/// Redis that follow a script. What is in one tick of the loop is fixed, so that the counts are.
enum WholePath {
  /// Counted at a time: few enough for most stretches to pass between the timers of a loop.
  private static let roundsPerStretch = 50

  /// `connections` send `depth` requests each at once. Of several connections all requests lie ready before the
  /// loop looks, and Redis answers them all in one write; pipelined ones go to Redis one after the other.
  static func run(_ iterations: Int, connections: Int, depth: Int) async throws -> Counts {
    let place = try Place()
    defer { place.remove() }
    let threads = NIOThreadPool(numberOfThreads: 2)
    threads.start()
    let redis = try ScriptedRedis(path: place.path("redis"), batch: connections, alone: 1)
    threads.submit { _ in redis.serve() }
    let connection = NIOLockedValueBox<NIOLoopBound<RedisConnection>?>(nil)
    let gate = try await GateUnderTest.start(at: place.path("gate")) { loop in
      let made = try Subject.connection(to: redis.path, on: loop)
      connection.withLockedValue { $0 = NIOLoopBound(made, eventLoop: loop) }
      return Subject.engine(over: made)
    }
    let loop = gate.loop
    guard let connection = connection.withLockedValue({ $0 }) else { preconditionFailure("no engine") }
    try await loop.flatSubmit { connection.value.whenReady(deadline: .now() + .seconds(60)) }.get()
    let path = gate.path
    let perRound = connections * depth
    let stretches = max(1, iterations / perRound / roundsPerStretch)
    let counts = try await threads.runIfActive {
      let client = try ScriptedClient(path: path, connections: connections, depth: depth)
      let hold = LoopHold(loop)
      func round() throws {
        if connections > 1 { hold.stop() }
        try client.send()
        if connections > 1 { hold.release() }
        try client.receive()
      }
      for _ in 0..<roundsPerStretch { try round() }
      var counts: [Counts] = []
      for _ in 0..<stretches {
        hold.stop()
        hold.release(counting: true)
        for _ in 0..<roundsPerStretch { try round() }
        hold.stop()
        counts.append(hold.counts(iterations: roundsPerStretch * perRound))
        hold.release(counting: false)
      }
      return Counts.typical(of: counts)
    }
    try await loop.submit { connection.value.close() }.get()
    try await gate.stop()
    redis.stop()
    try await threads.shutdownGracefully()
    return counts
  }
}
