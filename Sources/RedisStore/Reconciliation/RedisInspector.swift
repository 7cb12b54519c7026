package import Gate
internal import NIOCore

/// The counters as a reconciliation looks at them: `lua/inspect.lua`, and what mends them.
package struct RedisInspector: CountersInspecting {
  private let client: RedisClient
  private let keyspace: Keyspace
  private let epochs: CounterEpochs

  private static let booksMilliseconds: Int64 = 10_000
  private static let pollMilliseconds: Int64 = 10

  package init(client: RedisClient, keyspace: Keyspace, epochs: CounterEpochs) {
    self.client = client
    self.keyspace = keyspace
    self.epochs = epochs
  }

  package func inspect(
    _ account: AccountID, tenant: String?, holdsMax: Int
  ) async throws(StoreError) -> CountersView {
    let epoch = try await epochs.current()
    var view = try await read(account, tenant: tenant, holdsMax: holdsMax)
    if let found = view.account, found.epoch > epoch {
      // Another gate has raised it meanwhile.
      if try await epochs.refresh(client) != found.epoch { view.account = nil }
    } else if let found = view.account, found.epoch < epoch {
      view.account = nil
    }
    return view
  }

  private func read(_ account: AccountID, tenant: String?, holdsMax: Int) async throws(StoreError)
    -> CountersView
  {
    let bucket = bucket(account, tenant)
    var keys: [RedisArgument] = [
      .text(keyspace.account(account, bucket: bucket)), .text(rest(account, bucket)),
      .text(keyspace.stream(bucket: bucket)),
    ]
    if account.kind == .tenant { keys.append(.text(keyspace.poolHolds(account.id, bucket: bucket))) }
    let reply = try await client.call(
      Scripts.embedded.inspect, keys: keys, arguments: [.integer(Int64(holdsMax))])
    if case .error(let error) = reply { throw .unavailable(error.message) }
    return try InspectionDecoding.view(reply, of: account, bucket: bucket)
  }

  package func waitUntilBooked(_ newest: StreamID, bucket: Int) async throws(StoreError) {
    let stream = UsageStream(client: client, keyspace: keyspace, bucket: bucket, consumer: "")
    let deadline = NIODeadline.now() + .milliseconds(RedisInspector.booksMilliseconds)
    // An entry leaves the stream once it is booked, and not before.
    while let oldest = try await stream.backlog().oldest, oldest <= newest {
      guard NIODeadline.now() < deadline else { throw .unavailable("the books are behind") }
      do { try await Task.sleep(for: .milliseconds(RedisInspector.pollMilliseconds)) } catch {
        throw .unavailable("it was given up")
      }
    }
  }

  package func openHold(
    _ id: String, of user: String, bucket: Int
  ) async throws(StoreError) -> HoldRecord? {
    let account = keyspace.account(.user(user), bucket: bucket)
    let reply = try await client.command(["HGET", .text(account), .text(id)])
    return reply.string.flatMap { InspectionDecoding.record($0, id: id) }
  }

  package func evict(
    _ view: CountersView, tenant: String?, unknownHolds: [String]
  ) async throws(StoreError) -> Bool {
    guard let found = view.account else { return true }
    var keys: [RedisArgument] = [
      .text(keyspace.account(view.id, bucket: view.bucket)),
      .text(keyspace.lease(view.id, bucket: view.bucket)),
    ]
    var numbers: [UInt8] = []
    numbers.appendDouble(found.version)
    numbers.appendDouble(found.epoch)
    var arguments: [RedisArgument] = [.bytes(numbers)]
    if view.id.kind == .tenant {
      // A user's holds go with the account that they are fields of.
      keys.append(.text(keyspace.poolHolds(view.id.id, bucket: view.bucket)))
      let unknown = Set(unknownHolds)
      for hold in view.holds where unknown.contains(hold.id) {
        keys.append(.text(keyspace.account(.user(hold.user), bucket: view.bucket)))
        arguments.append(.text(hold.id))
      }
    }
    let reply = try await client.call(Scripts.embedded.evict, keys: keys, arguments: arguments)
    if case .error(let error) = reply { throw .unavailable(error.message) }
    return reply.integer == 1
  }

  package func publishRest(user: String, tenant: String?) async throws(StoreError) {
    let account = AccountID.user(user)
    let bucket = bucket(account, tenant)
    let reply = try await client.call(
      Scripts.embedded.publish,
      keys: [.text(keyspace.account(account, bucket: bucket)), .text(rest(account, bucket))],
      arguments: [.integer(try await epochs.current())])
    if case .error(let error) = reply { throw .unavailable(error.message) }
  }

  private func bucket(_ account: AccountID, _ tenant: String?) -> Int {
    keyspace.bucket(user: account.id, tenant: account.kind == .tenant ? account.id : tenant)
  }

  /// A pool has none: its account stands in its place, which is no text and so reads as nothing.
  private func rest(_ account: AccountID, _ bucket: Int) -> String {
    account.kind == .user
      ? keyspace.readableRest(user: account.id, bucket: bucket) : keyspace.lease(account, bucket: bucket)
  }
}
