package import Gate

/// The names of everything in Redis, and which hash slot they share. The shard key is the tenant if there is
/// one, else the user; it is hashed to one of `buckets`, whose number is the hash tag of all its keys. So one
/// script finds an account, its holds and the usage stream in one slot, on a cluster as on a single Redis.
package struct Keyspace: Sendable {
  /// 1 to 1,024; the same on every gate, and fixed once there is data. 1 on a single Redis.
  package let buckets: Int

  package init(buckets: Int = 1) { self.buckets = buckets }

  /// FNV-1a over the shard key's bytes, 64 bits.
  /// Source: Fowler, Noll, Vo, draft-eastlake-fnv.
  package func bucket(user: String, tenant: String?) -> Int {
    guard buckets > 1 else { return 0 }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in (tenant ?? user).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int(hash % UInt64(buckets))
  }

  package func account(_ account: AccountID, bucket: Int) -> String {
    "tg:{\(bucket)}:\(account.kind == .user ? "u" : "t"):\(account.id)"
  }
  /// Sorted set of a pool's open holds by expiry. Those of a user are fields of its account.
  package func poolHolds(_ tenant: String, bucket: Int) -> String { "tg:{\(bucket)}:ht:\(tenant)" }
  /// Record of a hold that isn't open any more.
  package func hold(_ id: String, bucket: Int) -> String { "tg:{\(bucket)}:r:\(id)" }
  package func lease(_ account: AccountID, bucket: Int) -> String {
    "tg:{\(bucket)}:l\(account.kind == .user ? "u" : "t"):\(account.id)"
  }
  /// `digest` stands for the caller's key: of fixed length, whatever the key is.
  package func idempotency(user: String, digest: String, bucket: Int) -> String {
    "tg:{\(bucket)}:i:\(user):\(digest)"
  }
  package func stream(bucket: Int) -> String { "tg:{\(bucket)}:usage" }
  package func epoch(bucket: Int) -> String { "tg:{\(bucket)}:epoch" }
  /// What existing chat backends GET: the user's rest as a plain integer. With more than one bucket the name
  /// carries the hash tag that puts it into the account's slot.
  package func readableRest(user: String, bucket: Int) -> String {
    buckets == 1 ? "chatbot-usage:\(user)" : "chatbot-usage:{\(bucket)}:\(user)"
  }
  package func token(_ hash: TokenHash) -> String {
    "tg:k:"
      + hash.bytes.reduce(into: "") { text, byte in
        text.unicodeScalars.append(Keyspace.hex[Int(byte >> 4)])
        text.unicodeScalars.append(Keyspace.hex[Int(byte & 15)])
      }
  }

  private static let hex = Array("0123456789abcdef".unicodeScalars)
  /// The consumer group of all flushers.
  package static let group = "books"
}
