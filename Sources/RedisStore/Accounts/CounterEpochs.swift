package import Gate
package import Logging
package import NIOCore
internal import Synchronization

/// Tells a Redis that went on from one that came back with less than it had: an old RDB, a replica that lagged,
/// nothing at all. The run id changes at every start of Redis; then, before the connection is used, the newest
/// entry that its usage stream has ever had is compared with the newest that is booked. If the books are ahead,
/// Redis was rewound, and the epoch goes up: every account of the old epoch counts as missing, and is rebuilt.
package final class CounterEpochs: Sendable {
  private let keyspace: Keyspace
  private let ledger: any LedgerStore
  private let logger: Logger
  private let known = Mutex<(epoch: Int64, runID: String)>((0, ""))

  package init(keyspace: Keyspace, ledger: any LedgerStore, logger: Logger) {
    self.keyspace = keyspace
    self.ledger = ledger
    self.logger = logger
  }

  /// The epoch that this process last verified. Throws `unavailable` before the first time.
  package func current() async throws(StoreError) -> Int64 {
    let epoch = known.withLock { $0.epoch }
    guard epoch > 0 else { throw .unavailable("Redis has not been verified yet") }
    return epoch
  }

  /// Looks the epoch up again, as after an account was missing: FLUSHALL takes the record without a reconnect.
  package func refresh(_ client: RedisClient) async throws(StoreError) -> Int64 {
    let reply = try await client.command(["GET", .text(keyspace.epoch(bucket: 0))])
    let runID = known.withLock { $0.runID }
    if let record = reply.string, let epoch = CounterEpochs.epoch(record, runID: runID) {
      known.withLock { $0.epoch = epoch }
      return epoch
    }
    let booked = try await ledger.epoch()
    let set = try await client.call(
      Scripts.embedded.epoch, keys: [.text(keyspace.epoch(bucket: 0))],
      arguments: [.integer(booked), .text(runID)])
    let epoch = set.integer ?? booked
    known.withLock { $0.epoch = epoch }
    return epoch
  }

  /// Before a new connection is used, and after ``RedisHandshake/load(_:)``: gives the epoch of the Redis at its
  /// other end.
  package func verify(_ handshake: RedisHandshake) -> EventLoopFuture<Int64> {
    let key = RedisArgument.text(keyspace.epoch(bucket: 0))
    return handshake.command(["INFO", "server"]).and(handshake.command(["GET", key])).flatMap {
      info, record in
      guard let runID = CounterEpochs.runID(info.string ?? "") else {
        return handshake.eventLoop.makeFailedFuture(RedisErrorReply(message: "INFO names no run_id"))
      }
      if let text = record.string, let epoch = CounterEpochs.epoch(text, runID: runID) {
        self.known.withLock { $0 = (epoch, runID) }
        return handshake.eventLoop.makeSucceededFuture(epoch)
      }
      return self.compare(handshake, runID: runID)
    }
  }

  private func compare(_ handshake: RedisHandshake, runID: String) -> EventLoopFuture<Int64> {
    let streams = (0..<keyspace.buckets).map { bucket in
      handshake.command(["XINFO", "STREAM", .text(keyspace.stream(bucket: bucket))]).map {
        CounterEpochs.lastID($0)
      }
    }
    let eventLoop = handshake.eventLoop
    return EventLoopFuture.whenAllSucceed(streams, on: eventLoop).flatMap { newest in
      let promise = eventLoop.makePromise(of: Int64.self)
      promise.completeWithTask { try await self.bookedEpoch(newest: newest, runID: runID) }
      return promise.futureResult
    }.flatMap { epoch in
      // The library is loaded on this connection, ahead of this.
      return handshake.command([
        "FCALL", .bytes(Scripts.embedded.epoch.wireName), "1", .text(self.keyspace.epoch(bucket: 0)),
        .integer(epoch),
        .text(runID),
      ])
    }.flatMapThrowing { reply in
      guard let set = reply.integer else { throw RedisErrorReply(message: "the epoch could not be set") }
      self.known.withLock { $0 = (set, runID) }
      return set
    }
  }

  /// The epoch that the books are at; one more if they are ahead of any stream.
  private func bookedEpoch(newest: [StreamID?], runID: String) async throws(StoreError) -> Int64 {
    let epoch = try await ledger.epoch()
    for (bucket, last) in newest.enumerated() {
      guard let booked = try await ledger.bookedThrough(bucket: bucket) else { continue }
      if last.map({ $0 < booked }) ?? true {
        logger.warning("redis was rewound, counters are rebuilt", metadata: ["redis.run_id": "\(runID)"])
        return try await ledger.raiseEpoch(from: epoch)
      }
    }
    return epoch
  }

  private static func lastID(_ info: RedisValue) -> StreamID? {
    let fields = info.array ?? []
    guard let name = fields.firstIndex(where: { $0.string == "last-generated-id" }), name + 1 < fields.count
    else { return nil }
    return fields[name + 1].string.flatMap { StreamID($0) }
  }

  /// `<epoch>:<run id>`, of this run alone.
  private static func epoch(_ record: String, runID: String) -> Int64? {
    let parts = record.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, parts[1] == runID else { return nil }
    return Int64(parts[0])
  }

  private static func runID(_ info: String) -> String? {
    info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }.map { String($0.dropFirst(7)) }
  }
}
