internal import CCounting
internal import Gate
internal import GateAPI
internal import NIOCore
internal import NIOPosix
internal import RedisStore

/// A check's question and its answer, between the engine of a loop and a scripted Redis. All of a batch are asked
/// in one tick and answered in one write.
///
/// *Encoding* is all that asking does: the command into the out-buffer, a place in the table of what is under way
/// and in the ring of replies that are owed. *Decoding* begins when the first answer of a batch has been told and
/// ends when the last has, so it is all that an answer takes once its bytes have been read.
enum RedisWire {
  enum Part { case encode, decode }

  private static let batch = 64

  static func run(_ iterations: Int, part: Part) async throws -> Counts {
    let place = try Place()
    defer { place.remove() }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    let redis = try ScriptedRedis(path: place.path("redis"), batch: batch)
    threads.submit { _ in redis.serve() }
    let loop = group.next()
    let asker = try await loop.submit {
      NIOLoopBound(
        try Asker(eventLoop: loop, redisPath: redis.path, part: part, batch: batch), eventLoop: loop)
    }.get()
    try await loop.flatSubmit { asker.value.whenReady() }.get()
    for _ in 0..<10 { try await loop.flatSubmit { asker.value.ask() }.get() }
    try await loop.submit { hot_path_reset() }.get()
    let perBatch = part == .encode ? batch : batch - 1
    let batches = (iterations + perBatch - 1) / perBatch
    for _ in 0..<batches { try await loop.flatSubmit { asker.value.ask() }.get() }
    let counts = try await loop.submit {
      asker.value.close()
      return Counts.ofThisThread(iterations: batches * perBatch)
    }.get()
    redis.stop()
    try await threads.shutdownGracefully()
    try await group.shutdownGracefully()
    return counts
  }
}

/// Asks by the batch; confined to its loop.
private final class Asker: CheckCallOwner {
  private let connection: RedisConnection
  private let engine: LoopCheckEngine
  private let prepared: PreparedCheck
  private let part: RedisWire.Part
  private let batch: Int
  private var calls: [CheckCall] = []
  private var answered = 0
  private var done: EventLoopPromise<Void>?

  init(eventLoop: any EventLoop, redisPath: String, part: RedisWire.Part, batch: Int) throws {
    connection = try Subject.connection(to: redisPath, on: eventLoop)
    engine = Subject.engine(over: connection)
    let principal = Subject.principal
    prepared = engine.prepare(
      principal, Entitlement(of: principal, catalog: Subject.catalog), feature: Subject.feature, verify: false
    )
    self.part = part
    self.batch = batch
    calls = (0..<batch).map { _ in CheckCall(owner: self) }
  }

  func whenReady() -> EventLoopFuture<Void> { connection.whenReady(deadline: .now() + .seconds(60)) }

  func ask() -> EventLoopFuture<Void> {
    let promise = connection.eventLoop.makePromise(of: Void.self)
    done = promise
    answered = 0
    let deadline = (NIODeadline.now() + .seconds(60)).uptimeNanoseconds
    for call in calls {
      call.reset()
      call.tokens = Subject.tokens
      call.deadlineNanoseconds = deadline
    }
    if part == .encode { hot_path_begin() }
    for call in calls { engine.check(call, prepared) }
    if part == .encode { hot_path_end() }
    return promise.futureResult
  }

  func completed(_ call: CheckCall) {
    precondition(call.verdict == .allowed && call.numbers == Subject.numbers)
    answered += 1
    if answered == batch {
      if part == .decode { hot_path_end() }
      done?.succeed()
    } else if answered == 1, part == .decode {
      hot_path_begin()
    }
  }

  func close() { connection.close() }
}
