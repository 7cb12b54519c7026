internal import Gate
internal import NIOCore
internal import NIOPosix
internal import PostgresStore
internal import RedisStore

/// What another system keeps in Redis: one key per user, named `<prefix><user>`, whose text is what is left.
struct RedisSource: ImportSource {
  let client: RedisClient
  let prefix: String
  /// Of the gates, when they share this Redis: what they know is Tollgate's own, kept for other systems to read.
  let own: Keyspace?

  private static let keysPerScan: Int64 = 500

  func read(_ take: (ImportPiece) async throws -> Void) async throws {
    let total = max(1, try await client.command(["DBSIZE"]).integer ?? 1)
    var cursor = "0"
    var scanned: Int64 = 0
    var seen: Set<String> = []
    var number: Int64 = 0
    repeat {
      let reply = try await client.command([
        "SCAN", .text(cursor), "MATCH", .text("\(prefix)*"), "COUNT", .integer(RedisSource.keysPerScan),
      ])
      guard let parts = reply.array, parts.count == 2, let next = parts[0].string,
        let found = parts[1].array?.compactMap(\.string)
      else { throw StoreError.internalError("SCAN gave no page") }
      cursor = next
      scanned += RedisSource.keysPerScan
      // SCAN may give a key more than once.
      let keys = found.filter { seen.insert($0).inserted }
      var piece = ImportPiece(share: cursor == "0" ? 1 : min(1, Double(scanned) / Double(total)))
      piece.skipped = Int64(found.count - keys.count)
      try await read(keys, &number, into: &piece)
      try await take(piece)
    } while cursor != "0"
  }

  private func read(_ keys: [String], _ number: inout Int64, into piece: inout ImportPiece) async throws {
    guard !keys.isEmpty else { return }
    let values = try await client.command(["MGET"] + keys.map { .text($0) }).array ?? []
    guard values.count == keys.count else { throw StoreError.internalError("MGET gave no values") }
    let owned = try await owned(keys)
    for (key, value) in zip(keys, values) {
      guard !owned.contains(key) else {
        piece.skipped += 1
        continue
      }
      let user = String(key.dropFirst(prefix.count))
      guard Identifier.isValid(user) else {
        let message = "names no user: \(Limits.identifierBytesMax) visible ASCII characters at most"
        piece.mistakes.append(ImportMistake(key: key, message: message))
        continue
      }
      guard let left = value.integer, left <= Limits.tokensMax else {
        piece.mistakes.append(
          ImportMistake(key: key, message: "holds no whole number of at most \(Limits.tokensMax)"))
        continue
      }
      number += 1
      var account = ImportedAccount(line: number, user: user)
      account.remaining = max(0, left)
      if left < 0 { piece.overdrawn += 1 }
      piece.keys[number] = key
      piece.accounts.append(account)
    }
  }

  /// Those of the keys that the gates keep.
  private func owned(_ keys: [String]) async throws -> Set<String> {
    guard let own else { return [] }
    guard own.buckets == 1 else {
      // Tollgate's own carry a hash tag: `chatbot-usage:{12}:u_42`.
      return Set(keys.filter { RedisSource.hasTag($0.dropFirst(prefix.count)) })
    }
    return try await withThrowingTaskGroup(of: String?.self) { group in
      for key in keys {
        let user = String(key.dropFirst(prefix.count))
        group.addTask {
          let name = own.account(.user(user), bucket: 0)
          return try await client.command(["EXISTS", .text(name)]).integer == 1 ? key : nil
        }
      }
      var owned: Set<String> = []
      for try await key in group { if let key { owned.insert(key) } }
      return owned
    }
  }

  private static func hasTag(_ name: Substring) -> Bool {
    guard name.first == "{", let end = name.firstIndex(of: "}") else { return false }
    let digits = name[name.index(after: name.startIndex)..<end]
    return !digits.isEmpty && digits.allSatisfy(\.isNumber) && name[end...].hasPrefix("}:")
  }

  /// The same server by another address, told by the id of its run.
  static func isSame(_ one: RedisClient, _ other: RedisClient) async throws(StoreError) -> Bool {
    func run(_ client: RedisClient) async throws(StoreError) -> Substring? {
      let info = try await client.command(["INFO", "server"]).string ?? ""
      return info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
    }
    let (first, second) = (try await run(one), try await run(other))
    return first != nil && first == second
  }
}
