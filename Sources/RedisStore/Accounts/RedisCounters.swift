package import Gate

/// The counters as the control plane changes them: merges and loads, by script.
package struct RedisCounters: CounterStore {
  let client: RedisClient
  let keyspace: Keyspace
  let epochs: CounterEpochs

  package init(client: RedisClient, keyspace: Keyspace, epochs: CounterEpochs) {
    self.client = client
    self.keyspace = keyspace
    self.epochs = epochs
  }

  package func apply(
    _ snapshot: AccountSnapshot, rolloverMax: Int64, carriesDebt: Bool
  ) async throws(StoreError) {
    let account = snapshot.account
    let bucket = bucket(of: snapshot)
    var numbers: [UInt8] = []
    numbers.appendDouble(snapshot.version)
    numbers.appendDouble(try await epochs.current())
    numbers.appendDouble(rolloverMax)
    numbers.appendDouble(carriesDebt)
    // What the scripts made (calendar, rollover) is theirs: the books hear of it, they don't tell.
    let grants = snapshot.grants.filter { $0.reference.series == .granted }
    let reply = try await client.call(
      Scripts.embedded.apply,
      keys: [
        .text(keyspace.account(account, bucket: bucket)),
        .text(
          account.kind == .user
            ? keyspace.readableRest(user: account.id, bucket: bucket)
            : keyspace.account(account, bucket: bucket)),
        .text(keyspace.stream(bucket: bucket)), .text(keyspace.lease(account, bucket: bucket)),
      ],
      arguments: [
        .bytes(numbers),
        .bytes(SnapshotEncoding.grants(grants, holds: snapshot.holds, of: account.kind)),
        .text(SnapshotEncoding.owner(of: snapshot)),
        .text("apply:\(account.kind.rawValue):\(account.id):\(snapshot.version)"),
        .text(account.kind == .user ? "u" : "t"),
      ])
    if case .error(let error) = reply { throw .unavailable(error.message) }
  }

  package func forget(_ account: AccountID, tenant: String?) async throws(StoreError) {
    let bucket = keyspace.bucket(user: account.id, tenant: account.kind == .tenant ? account.id : tenant)
    var keys: [RedisArgument] = [
      .text(keyspace.account(account, bucket: bucket)), .text(keyspace.lease(account, bucket: bucket)),
    ]
    if account.kind == .user { keys.append(.text(keyspace.readableRest(user: account.id, bucket: bucket))) }
    if case .error(let error) = try await client.reply(to: ["DEL"] + keys) {
      throw .unavailable(error.message)
    }
  }

  func bucket(of snapshot: AccountSnapshot) -> Int {
    snapshot.account.kind == .user
      ? keyspace.bucket(user: snapshot.account.id, tenant: snapshot.tenant)
      : keyspace.bucket(user: "", tenant: snapshot.account.id)
  }
}
