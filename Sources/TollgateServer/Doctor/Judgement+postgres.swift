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
    return findings + [pooler(facts), migrations(facts)] + search(facts)
  }

  private static func search(_ facts: PostgresFacts) -> [Finding] {
    guard let hasIndex = facts.hasSearchIndex else { return [] }
    let subject = "postgres.search"
    guard !hasIndex else { return [.good(subject, "parts of ids and emails are found by an index")] }
    return [
      .warning(
        subject, "the extension pg_trgm is missing: searching for part of an id or email reads all users",
        "install Debian's postgresql-contrib or its like, and as a superuser, in the database and schema of "
          + "Tollgate: CREATE EXTENSION pg_trgm; SELECT make_search_indexes()")
    ]
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
