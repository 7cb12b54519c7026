package import Gate
internal import NIOCore

/// A bucket's usage stream, as the flushers read it: delivered at least once, taken out once booked.
package struct UsageStream: Sendable {
  package struct Batch: Sendable {
    package var entries: [LedgerEntry]
    /// Of every entry delivered, the unreadable ones too.
    package var ids: [StreamID]
    /// What could not be read, as it was.
    package var unreadable: [(id: StreamID, text: String)]
    package var isEmpty: Bool { ids.isEmpty }
  }

  let client: RedisClient
  let keyspace: Keyspace
  package let bucket: Int
  let consumer: String

  package init(client: RedisClient, keyspace: Keyspace, bucket: Int, consumer: String) {
    self.client = client
    self.keyspace = keyspace
    self.bucket = bucket
    self.consumer = consumer
  }

  private var key: RedisArgument { .text(keyspace.stream(bucket: bucket)) }

  /// Makes the stream and its group, if they aren't there (again).
  package func prepare() async throws(StoreError) {
    let reply = try await client.reply(to: [
      "XGROUP", "CREATE", key, .text(Keyspace.group), "0", "MKSTREAM",
    ])
    if case .error(let error) = reply, error.code != "BUSYGROUP" { throw .unavailable(error.message) }
  }

  /// New entries, at most `count`; empty when there are none.
  package func read(count: Int) async throws(StoreError) -> Batch {
    try await read(from: ">", count: count)
  }

  /// What this consumer was given before and has not acknowledged.
  package func readAgain(count: Int) async throws(StoreError) -> Batch {
    try await read(from: "0", count: count)
  }

  private func read(from start: String, count: Int) async throws(StoreError) -> Batch {
    let reply = try await client.reply(to: [
      "XREADGROUP", "GROUP", .text(Keyspace.group), .text(consumer), "COUNT", .integer(Int64(count)),
      "STREAMS", key, .text(start),
    ])
    if case .error(let error) = reply {
      guard error.code == "NOGROUP" else { throw .unavailable(error.message) }
      try await prepare()
      return Batch(entries: [], ids: [], unreadable: [])
    }
    return batch(reply.array?.first?.array?.last?.array ?? [])
  }

  /// Takes over what consumers that are gone left unacknowledged for `idleMilliseconds`.
  package func claim(idleMilliseconds: Int64, count: Int) async throws(StoreError) -> Batch {
    let reply = try await client.reply(to: [
      "XAUTOCLAIM", key, .text(Keyspace.group), .text(consumer), .integer(idleMilliseconds), "0", "COUNT",
      .integer(Int64(count)),
    ])
    if case .error(let error) = reply {
      guard error.code == "NOGROUP" else { throw .unavailable(error.message) }
      return Batch(entries: [], ids: [], unreadable: [])
    }
    guard let parts = reply.array, parts.count >= 2 else {
      return Batch(entries: [], ids: [], unreadable: [])
    }
    return batch(parts[1].array ?? [])
  }

  /// Takes booked entries out.
  package func acknowledge(_ ids: [StreamID]) async throws(StoreError) {
    var rest = ids[...]
    while !rest.isEmpty {
      let part = rest.prefix(1000)
      rest = rest.dropFirst(part.count)
      let reply = try await client.call(
        Scripts.embedded.acknowledge, keys: [key],
        arguments: [.text(Keyspace.group)] + part.map { .text($0.description) })
      if case .error(let error) = reply { throw .unavailable(error.message) }
    }
  }

  /// Entries that wait to be booked, and the oldest of them.
  package func backlog() async throws(StoreError) -> (count: Int64, oldest: StreamID?) {
    let count = try await client.reply(to: ["XLEN", key]).integer ?? 0
    return (count, count == 0 ? nil : try await edge("XRANGE", "-", "+"))
  }

  /// The newest entry that waits to be booked.
  package func newest() async throws(StoreError) -> StreamID? { try await edge("XREVRANGE", "+", "-") }

  private func edge(_ command: String, _ from: String, _ to: String) async throws(StoreError) -> StreamID? {
    let reply = try await client.reply(to: [.text(command), key, .text(from), .text(to), "COUNT", "1"])
    if case .error(let error) = reply { throw .unavailable(error.message) }
    return reply.array?.first?.array?.first?.string.flatMap { StreamID($0) }
  }

  private func batch(_ items: [RedisValue]) -> Batch {
    var batch = Batch(entries: [], ids: [], unreadable: [])
    for item in items {
      guard let parts = item.array, parts.count == 2, let id = parts[0].string.flatMap({ StreamID($0) })
      else {
        continue
      }
      batch.ids.append(id)
      // A deleted entry is delivered again without its fields.
      guard let fields = parts[1].array, fields.count >= 2, let text = fields[1].string else { continue }
      if let entry = EntryDecoding.decode(text, id: id, bucket: bucket) {
        batch.entries.append(entry)
      } else {
        batch.unreadable.append((id, text))
      }
    }
    return batch
  }
}

extension UsageStream {
  /// Keeps an entry that can't be booked where operators find it, in the stream `…:aside`.
  package func setAside(_ text: String, id: StreamID) async throws(StoreError) {
    let reply = try await client.reply(to: [
      "XADD", .text(keyspace.stream(bucket: bucket) + ":aside"), "*", "id", .text(id.description), "e",
      .text(text),
    ])
    if case .error(let error) = reply { throw .unavailable(error.message) }
  }

  /// Takes this consumer out of the group, if it leaves nothing behind.
  package func leave() async {
    guard let pending = try? await readAgain(count: 1), pending.isEmpty else { return }
    _ = try? await client.reply(to: [
      "XGROUP", "DELCONSUMER", .text(keyspace.stream(bucket: bucket)), .text(Keyspace.group), .text(consumer),
    ])
  }
}
