package import Gate

/// Puts accounts back that Redis has lost, from the books: grants minus what the ledger says was used.
///
/// The interleaving that matters: entries of the account may still be in the usage stream, or in a flusher's
/// hands, when the books are read. So the loader takes the account's lease (checks go on being MISSING), waits
/// until everything that was in the stream by then is booked, reads one snapshot, and writes it only if the
/// lease is still its own. A change (`apply`) or another load takes the lease away.
package actor AccountLoader: AccountLoading {
  private let client: RedisClient
  private let keyspace: Keyspace
  private let epochs: CounterEpochs
  private let store: any PrincipalStore
  /// Returns once what this process read from a bucket before the call is booked; false when that failed.
  private let flushed: @Sendable (Int) async -> Bool
  private var underWay: [AccountID: Task<Int64, any Error>] = [:]

  private static let leaseMilliseconds: Int64 = 10_000
  private static let booksMilliseconds: Int64 = 5_000

  package init(
    client: RedisClient, keyspace: Keyspace, epochs: CounterEpochs, store: any PrincipalStore,
    flushed: @escaping @Sendable (Int) async -> Bool
  ) {
    self.client = client
    self.keyspace = keyspace
    self.epochs = epochs
    self.store = store
    self.flushed = flushed
  }

  /// Loads the account, once however many ask at the same time; a caller then asks its question again. Returns
  /// the epoch of the counters. Throws `notFound` when there is no such account, `unavailable` when a store is.
  package func load(_ account: AccountID, tenant: String?) async throws(StoreError) -> Int64 {
    if let running = underWay[account] { return try await AccountLoader.value(of: running) }
    let task = Task { try await self.perform(account, tenant: tenant) }
    underWay[account] = task
    defer { underWay[account] = nil }
    return try await AccountLoader.value(of: task)
  }

  private static func value(of task: Task<Int64, any Error>) async throws(StoreError) -> Int64 {
    do {
      return try await task.value
    } catch let error as StoreError {
      throw error
    } catch {
      throw .internalError("\(error)")
    }
  }

  private func perform(_ account: AccountID, tenant: String?) async throws(StoreError) -> Int64 {
    let bucket = keyspace.bucket(
      user: account.id, tenant: account.kind == .tenant ? account.id : tenant)
    let epoch = try await epochs.refresh(client)
    let lease = RedisArgument.text(keyspace.lease(account, bucket: bucket))
    let nonce = String(UInt64.random(in: 1 ... .max), radix: 36)
    let taken: RedisValue
    do throws(StoreError) {
      taken = try await client.command([
        "SET", lease, .text(nonce), "NX", "PX", .integer(AccountLoader.leaseMilliseconds),
      ])
    } catch {
      // Only the reply may be missing: then it would keep everybody from loading the account until it runs out.
      _ = try? await client.command(["DEL", lease])
      throw error
    }
    guard taken.string == "OK" else { return epoch }
    do throws(StoreError) {
      try await waitForBooks(bucket: bucket)
      guard let snapshot = try await store.snapshot(of: account) else {
        throw StoreError.notFound("\(account)")
      }
      try await write(snapshot, bucket: bucket, lease: lease, nonce: nonce, epoch: epoch)
    } catch {
      // Given back at once, so that the next attempt needn't wait for it to run out.
      _ = try? await client.command(["DEL", lease])
      throw error
    }
    return epoch
  }

  private func waitForBooks(bucket: Int) async throws(StoreError) {
    let stream = UsageStream(client: client, keyspace: keyspace, bucket: bucket, consumer: "")
    try await stream.waitUntilBooked(milliseconds: AccountLoader.booksMilliseconds, flushed: flushed)
  }

  private func write(
    _ snapshot: AccountSnapshot, bucket: Int, lease: RedisArgument, nonce: String, epoch: Int64
  ) async throws(StoreError) {
    let account = snapshot.account
    let now = try await time()
    let accountKey = keyspace.account(account, bucket: bucket)
    var keys: [RedisArgument] = [
      .text(accountKey),
      .text(account.kind == .user ? keyspace.readableRest(user: account.id, bucket: bucket) : accountKey),
      lease, .text(keyspace.stream(bucket: bucket)),
    ]
    if account.kind == .tenant { keys.append(.text(keyspace.poolHolds(account.id, bucket: bucket))) }
    var arguments: [RedisArgument] = [
      .text(nonce), .bytes(SnapshotEncoding.header(snapshot, epoch: epoch, now: now)),
      .bytes(SnapshotEncoding.grants(snapshot.grants, holds: snapshot.holds, of: account.kind)),
      .text(account.kind == .user ? "u" : "t"), .text(SnapshotEncoding.owner(of: snapshot)),
    ]
    for hold in snapshot.holds { arguments += SnapshotEncoding.hold(hold, of: account.kind) }
    _ = try await client.call(Scripts.embedded.load, keys: keys, arguments: arguments)
  }

  private func time() async throws(StoreError) -> Instant {
    let parts = try await client.command(["TIME"]).array ?? []
    guard parts.count == 2, let seconds = parts[0].integer, let micros = parts[1].integer else {
      throw .internalError("TIME gave no time")
    }
    return Instant(milliseconds: seconds * 1000 + micros / 1000)
  }
}
