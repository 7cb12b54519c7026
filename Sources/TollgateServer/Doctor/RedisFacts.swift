internal import Gate
internal import RedisStore

/// What a Redis says of itself. A field is nil where it doesn't say: managed ones hide CONFIG.
package struct RedisFacts: Sendable, Equatable {
  /// `7.0.15`.
  package var version: String?
  /// `master` or `slave`.
  package var role: String?
  /// `maxmemory-policy`.
  package var evictionPolicy: String?
  /// There is an append-only file.
  package var appendsToFile: Bool?
  /// `always`, `everysec`, `no`.
  package var fsync: String?
  /// The `save` rules; empty: none.
  package var saveRules: String?
  /// The last write of the append-only file, or the last snapshot, failed.
  package var failsToWrite = false

  /// Reads INFO, and those answers of CONFIG GET that came.
  package init(info: String, config: [String: String] = [:]) {
    let fields = Dictionary(
      info.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
        let parts = line.split(separator: ":", maxSplits: 1)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
      }, uniquingKeysWith: { first, _ in first })
    version = fields["redis_version"]
    role = fields["role"]
    evictionPolicy = fields["maxmemory_policy"]
    appendsToFile = fields["aof_enabled"].map { $0 == "1" }
    fsync = config["appendfsync"]
    saveRules = config["save"]
    failsToWrite =
      fields["aof_last_write_status"] == "err" || fields["rdb_last_bgsave_status"] == "err"
  }

  /// Asks a Redis. A refused CONFIG is no failure.
  static func read(_ client: RedisClient) async throws(StoreError) -> RedisFacts {
    let info = try await client.command(["INFO"]).string ?? ""
    var config: [String: String] = [:]
    for name in ["appendfsync", "save"] {
      let reply = try await client.reply(to: ["CONFIG", "GET", .text(name)])
      guard let pair = reply.array, pair.count == 2 else { continue }
      config[name] = pair[1].string
    }
    return RedisFacts(info: info, config: config)
  }
}
