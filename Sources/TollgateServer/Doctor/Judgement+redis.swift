extension Judgement {
  /// What Redis has to be for the counters to be exact.
  package static func requirements(_ facts: RedisFacts) -> [Finding] {
    [version(facts.version), eviction(facts.evictionPolicy)]
  }

  /// All that Redis says of itself.
  package static func redis(_ facts: RedisFacts) -> [Finding] {
    requirements(facts) + [role(facts.role), persistence(facts)].compactMap { $0 }
  }

  private static func version(_ version: String?) -> Finding {
    let major = version.flatMap { Int($0.prefix { $0 != "." }) } ?? 0
    guard major < 7 else { return .good("redis.version", version ?? "") }
    return .bad(
      "redis.version", "Redis 7 or newer is needed, this is \(version ?? "of an unknown version")",
      "upgrade Redis: it has had functions since version 7")
  }

  private static func eviction(_ policy: String?) -> Finding {
    guard let policy else {
      return .warning(
        "redis.eviction", "maxmemory-policy is hidden",
        "make sure that it is noeviction: evicted counters are lost ones")
    }
    guard policy != "noeviction" else { return .good("redis.eviction", policy) }
    return .bad(
      "redis.eviction", "maxmemory-policy is \(policy): evicted counters are lost ones",
      "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf")
  }

  private static func role(_ role: String?) -> Finding? {
    guard let role, role != "master" else { return nil }
    return .bad(
      "redis.role", "this is a replica, which takes no writes", "point TOLLGATE_REDIS_URL at its primary")
  }

  /// What a crash of Redis would lose of what is not booked yet.
  private static func persistence(_ facts: RedisFacts) -> Finding {
    let subject = "redis.persistence"
    if facts.failsToWrite {
      return .bad(
        subject, "its last write to disk failed",
        "look into Redis' log; mostly the disk is full or read-only")
    }
    switch (facts.appendsToFile, facts.fsync) {
    case (true?, "always"?): return .good(subject, "append-only file, fsync always: nothing is lost")
    case (true?, "no"?):
      return .warning(
        subject, "append-only file, fsync left to the kernel: a crash of the machine may lose half a minute",
        "CONFIG SET appendfsync everysec, or always")
    case (true?, let fsync):
      return .good(subject, "append-only file, fsync \(fsync ?? "hidden"): a crash may lose about 2 s of use")
    case (false?, _) where facts.saveRules.map { !$0.isEmpty } ?? false:
      return .warning(
        subject, "snapshots alone: a crash loses the holds since the last one, and what was not booked yet",
        "CONFIG SET appendonly yes, and the same in redis.conf")
    case (false?, _):
      return .warning(
        subject, "nothing is kept on disk: a restart loses all holds, and what was not booked yet",
        "CONFIG SET appendonly yes, and the same in redis.conf")
    case (nil, _):
      return .warning(subject, "hidden", "make sure that it has an append-only file")
    }
  }
}
