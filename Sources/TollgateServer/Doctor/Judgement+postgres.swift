extension Judgement {
  /// The oldest that has all the schema uses: `gen_random_uuid` without an extension.
  private static let postgresMajorMin: Int64 = 13

  /// All that Postgres says of itself.
  package static func postgres(_ facts: PostgresFacts) -> [Finding] {
    var findings = [version(facts)]
    if facts.isReadOnly {
      findings.append(
        .bad(
          "postgres.role", "this is a standby, which takes no writes",
          "point TOLLGATE_POSTGRES_URL at its primary"))
    }
    return findings + [pooler(facts), migrations(facts)]
  }

  private static func version(_ facts: PostgresFacts) -> Finding {
    guard facts.versionNumber / 10_000 < postgresMajorMin else {
      return .good("postgres.version", facts.version)
    }
    return .bad(
      "postgres.version", "Postgres \(postgresMajorMin) or newer is needed, this is \(facts.version)",
      "upgrade Postgres")
  }

  private static func pooler(_ facts: PostgresFacts) -> Finding {
    guard facts.isPooledByTransaction else {
      return .good("postgres.pooler", "none, or one in session mode")
    }
    return .warning(
      "postgres.pooler", "in transaction mode: there is no LISTEN, so that plain SQL takes effect by polling",
      "point TOLLGATE_POSTGRES_URL at the server itself, or at the pooler's session port")
  }

  private static func migrations(_ facts: PostgresFacts) -> Finding {
    let subject = "postgres.migrations"
    if !facts.migrationsForeign.isEmpty {
      return .bad(
        subject, "of another version of Tollgate: \(facts.migrationsForeign.joined(separator: ", "))",
        "run the version that this schema belongs to, or a newer one")
    }
    guard facts.migrationsMissing.isEmpty else {
      return .bad(
        subject, "not applied yet: \(facts.migrationsMissing.joined(separator: ", "))", "tollgate migrate")
    }
    return .good(subject, "all \(facts.migrationsKnown) applied")
  }
}
