internal import AdminAPI
internal import Gate
internal import NIOCore
internal import NIOPosix
internal import PostgresStore
internal import RedisStore
internal import Settings

/// How an import is done.
package struct ImportOptions: Sendable {
  /// What is left of a user is taken over once per name.
  package var name: String
  /// Changes nothing, and says what would be done.
  package var isTrial: Bool
  /// Takes over what is good although something else is not.
  package var skipsBad: Bool

  package init(name: String, isTrial: Bool, skipsBad: Bool) {
    self.name = name
    self.isTrial = isTrial
    self.skipsBad = skipsBad
  }
}

extension Administration {
  /// Takes over users, tokens and what is left from a file. `progress` is told a line for the terminal now and then.
  package func importCSV(
    _ path: String, _ options: ImportOptions, progress: @escaping (String) -> Void
  ) async throws -> Answer {
    let source = CSVSource(path: path, catalog: backend.settings.catalog, now: Clock.now())
    return try await take(source, options, progress)
  }

  /// Takes over what is left from keys `<prefix><user>` of a Redis; `url` nil: of the gates' own.
  package func importRedis(
    _ url: String?, prefix: String, _ options: ImportOptions, progress: @escaping (String) -> Void
  ) async throws -> Answer {
    guard let url else {
      let source = RedisSource(client: backend.client, prefix: prefix, own: backend.keyspace)
      return try await take(source, options, progress)
    }
    var limits = ConnectionLimits()
    limits.connectTimeout = .seconds(5)
    limits.defaultDeadline = .seconds(10)
    let configuration = try RedisConnectionConfiguration(url: RedisURL(url), limits: limits)
    let client = try await RedisClient(
      eventLoops: [MultiThreadedEventLoopGroup.singleton.next()], configuration: configuration,
      logger: backend.logger)
    do {
      try await client.waitUntilReady(deadline: .now() + .seconds(10))
      let isOwn = try await RedisSource.isSame(client, backend.client)
      let source = RedisSource(client: client, prefix: prefix, own: isOwn ? backend.keyspace : nil)
      let answer = try await take(source, options, progress)
      await client.close()
      return answer
    } catch {
      await client.close()
      throw error
    }
  }

  private func take(
    _ source: some ImportSource, _ options: ImportOptions, _ progress: @escaping (String) -> Void
  ) async throws -> Answer {
    let run = AccountImportRun(
      name: options.name, isTrial: options.isTrial, actor: Administration.actor, now: Clock.now())
    let accounts = AccountImport(
      backend: backend, run: run, skipsBad: options.skipsBad,
      progress: { what, share in
        progress("\(ProgressBar(done: Int64(share * 1000), of: 1000).text) \(what)")
      })
    return Administration.answer(try await accounts.take(source))
  }

  private static func answer(_ report: ImportReport) -> Answer {
    let figures: [(String, String, Int64)] = [
      ("lines", "lines", report.lines), ("users_made", "users made", report.usersMade),
      ("users_changed", "users changed", report.usersChanged),
      ("tokens_issued", "tokens taken over", report.tokensIssued),
      ("budgets_set", "budgets set", report.budgetsSet), ("unchanged", "said nothing new", report.unchanged),
      ("skipped", "Tollgate's own", report.skipped), ("overdrawn", "overdrawn, now 0", report.overdrawn),
    ]
    let mistakes = report.mistakes.map { mistake -> JSON in
      [
        "line": .amount(mistake.line), "key": .text(mistake.key), "field": .text(mistake.field),
        "message": .string(mistake.message),
      ]
    }
    let members =
      [
        JSON.Member("name", .string(report.name)), .init("dry_run", .bool(report.isTrial)),
        .init("imported", .bool(report.isStarted && !report.isTrial)),
      ] + figures.map { JSON.Member($0.0, .integer($0.2)) } + [
        .init("errors_count", .integer(report.mistakesCount)), .init("errors", .array(mistakes)),
        .init("took_ms", .integer(report.milliseconds)),
      ]
    var parts = report.mistakes.map { mistake in
      Answer.Part.line("\(place(of: mistake)): \(mistake.field.map { "`\($0)` " } ?? "")\(mistake.message)")
    }
    let more = report.mistakesCount - Int64(report.mistakes.count)
    if more > 0 { parts.append(.line("and \(more) more")) }
    if !parts.isEmpty { parts.append(.line("")) }
    let shown = figures.filter { $0.2 > 0 || $0.0 == "lines" }
    parts.append(.table(TextTable(["", .number("")], shown.map { [.init($0.1), .init($0.2)] })))
    var answer = Answer(.object(members), parts)
    if report.isTrial { answer.notes.append("This was a dry run: nothing has changed.") }
    if report.mistakesCount > 0 { answer.failure = CommandFailure(failure(report)) }
    return answer
  }

  private static func failure(_ report: ImportReport) -> String {
    let count = report.mistakesCount == 1 ? "1 mistake" : "\(report.mistakesCount) mistakes"
    guard report.isStarted else {
      return "\(count): nothing was imported"
        + (report.isUnreadable ? "" : "; --skip-bad imports what is good all the same")
    }
    return "\(count): those were left out; the same command, once they are mended, takes just them"
  }

  private static func place(of mistake: ImportMistake) -> String {
    mistake.line.map { "line \($0)" } ?? mistake.key ?? ""
  }
}
