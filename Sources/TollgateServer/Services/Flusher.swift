internal import Gate
internal import Logging
internal import RedisStore
internal import ServiceLifecycle

/// Carries the usage streams to the books: reads a batch, books it, takes it out of the stream. At least once by
/// the stream, exactly once by the ledger's key. While Postgres is away the batch in hand is tried again and
/// the stream grows.
actor Flusher: Service {
  private let streams: [UsageStream]
  private let ledger: any LedgerStore
  private let entriesMax: Int
  private let pause: Duration
  private let logger: Logger
  /// Batches that were read and are not booked yet, by bucket.
  private var inHand: [Int: UsageStream.Batch] = [:]
  private var isFlushing = false
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private(set) var booked: UInt64 = 0
  private(set) var failures: UInt64 = 0

  /// What consumers that are gone left behind is taken over after so long. Taking over what is still being booked
  /// does no harm.
  private static let claimIdleMilliseconds: Int64 = 2_000
  private static let claimEvery = Duration.seconds(1)
  private static let pauseAfterFailure = Duration.milliseconds(250)

  init(
    streams: [UsageStream], ledger: any LedgerStore, entriesMax: Int, pauseMilliseconds: Int64, logger: Logger
  ) {
    self.streams = streams
    self.ledger = ledger
    self.entriesMax = entriesMax
    pause = .milliseconds(pauseMilliseconds)
    self.logger = logger
  }

  func run() async throws {
    await cancelWhenGracefulShutdown { await self.flushUntilCancelled() }
    await drain()
  }

  private func flushUntilCancelled() async {
    var isFirst = true
    var nextClaim = ContinuousClock.now
    while !Task.isCancelled {
      do {
        if isFirst { for stream in streams { try await stream.prepare() } }
        if ContinuousClock.now >= nextClaim {
          for stream in streams {
            try await takeOver(stream, idle: isFirst ? 0 : Flusher.claimIdleMilliseconds)
          }
          nextClaim = .now + Flusher.claimEvery
          isFirst = false
        }
        let wasFull = try await flushAll()
        if !wasFull { try await Task.sleep(for: pause) }
      } catch is CancellationError {
        return
      } catch {
        failures += 1
        logger.warning("usage is not booked yet", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: Flusher.pauseAfterFailure)
      }
    }
  }

  /// One batch of every bucket; true when one was full, and more may wait.
  private func flushAll() async throws -> Bool {
    isFlushing = true
    defer {
      isFlushing = false
      for waiter in waiters { waiter.resume() }
      waiters = []
    }
    var wasFull = false
    for stream in streams {
      let batch: UsageStream.Batch
      if let left = inHand[stream.bucket] {
        batch = left
      } else {
        batch = try await stream.read(count: entriesMax)
      }
      guard !batch.isEmpty else { continue }
      inHand[stream.bucket] = batch
      try await book(batch, stream)
      inHand[stream.bucket] = nil
      wasFull = wasFull || batch.ids.count >= entriesMax
    }
    return wasFull
  }

  private func takeOver(_ stream: UsageStream, idle: Int64) async throws {
    let batch = try await stream.claim(idleMilliseconds: idle, count: entriesMax)
    guard !batch.isEmpty else { return }
    try await book(batch, stream)
  }

  private func book(_ batch: UsageStream.Batch, _ stream: UsageStream) async throws(StoreError) {
    for (id, text) in batch.unreadable {
      logger.error("unreadable usage entry is set aside", metadata: ["stream.id": "\(id)"])
      try await stream.setAside(text, id: id)
    }
    do throws(StoreError) {
      try await ledger.book(batch.entries, bucket: stream.bucket, epoch: 0)
    } catch {
      if case .unavailable = error { throw error }
      // One entry that the books can't take must not keep the others out.
      try await bookOneByOne(batch.entries, stream)
    }
    try await stream.acknowledge(batch.ids)
    booked += UInt64(batch.entries.count)
  }

  private func bookOneByOne(_ entries: [LedgerEntry], _ stream: UsageStream) async throws(StoreError) {
    for entry in entries {
      do throws(StoreError) {
        try await ledger.book([entry], bucket: stream.bucket, epoch: 0)
      } catch {
        if case .unavailable = error { throw error }
        logger.error(
          "usage entry can't be booked, it is set aside",
          metadata: [
            "stream.id": "\(entry.id)", "ledger.operation": "\(entry.operation)", "error": "\(error)",
          ])
        try await stream.setAside("\(entry)", id: entry.id)
      }
    }
  }

  /// At shutdown, after the last check was answered: everything that is in the streams.
  private func drain() async {
    do {
      for _ in 0..<10_000 {
        guard try await flushAll() else { break }
      }
    } catch {
      logger.warning("usage stays in the stream for the next start", metadata: ["error": "\(error)"])
    }
    for stream in streams { await stream.leave() }
  }

  /// Returns once what was read before the call is booked; false when that failed.
  func settled(bucket: Int) async -> Bool {
    if isFlushing { await withCheckedContinuation { waiters.append($0) } }
    return inHand[bucket] == nil
  }

  /// How far the books are behind, over all buckets.
  func lag(now: Instant) async throws(StoreError) -> StreamLag {
    let (entries, age) = try await backlog(now: now)
    var pending: Int64 = 0
    for stream in streams { pending += try await stream.pending() }
    return StreamLag(entries: entries, ageMilliseconds: age, pending: pending)
  }

  /// Entries that wait, over all buckets, and the age of the oldest in milliseconds.
  func backlog(now: Instant) async throws(StoreError) -> (count: Int64, ageMilliseconds: Int64) {
    var count: Int64 = 0
    var age: Int64 = 0
    for stream in streams {
      let (waiting, oldest) = try await stream.backlog()
      count += waiting
      if let oldest { age = max(age, now.milliseconds - oldest.milliseconds) }
    }
    return (count, age)
  }
}

/// How far the books are behind the usage streams.
struct StreamLag: Sendable, Equatable {
  /// Entries that are not booked yet.
  var entries: Int64
  /// Of the oldest of them.
  var ageMilliseconds: Int64
  /// Those of them that a flusher has read.
  var pending: Int64
}
