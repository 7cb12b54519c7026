internal import Gate
internal import PostgresStore
internal import Settings

/// One run of an import: what is wrong is looked for in all of it first, then it is taken over in batches. Stopped at
/// any moment, the next run goes on, for what was done is not done again.
struct AccountImport {
  let backend: Backend
  let run: AccountImportRun
  /// Takes over what is good although something else is not.
  let skipsBad: Bool
  /// Told now and then: what is under way, and how far it is, 0 to 1.
  let progress: (String, Double) -> Void

  private static let linesPerBatch = 500
  /// Changes that Redis is told at a time.
  private static let publishersMax = 8

  func take(_ source: some ImportSource) async throws -> ImportReport {
    let began = Clock.now()
    var report = ImportReport(name: run.name, isTrial: run.isTrial)
    try await check(source, &report)
    if report.mistakesCount == 0 || skipsBad {
      report.isStarted = true
      // They are found anew, and told once.
      report.overdrawn = 0
      report.skipped = 0
      try await takeOver(source, &report)
    }
    report.milliseconds = Clock.now().milliseconds - began.milliseconds
    return report
  }

  private func check(_ source: some ImportSource, _ report: inout ImportReport) async throws {
    do {
      try await source.read { piece in
        report.lines += Int64(piece.accounts.count) + Int64(Set(piece.mistakes.map(\.line)).count)
        for mistake in piece.mistakes { report.add(mistake) }
        progress("looking it over", piece.share)
      }
    } catch let mistake as ImportMistake {
      // What follows can't be told apart: nothing of it is taken, whatever was asked for.
      report.add(mistake)
      report.isUnreadable = true
    }
  }

  private func takeOver(_ source: some ImportSource, _ report: inout ImportReport) async throws {
    guard !report.isUnreadable else { return report.isStarted = false }
    let rule = ResetRule(
      accounts: backend.store, principals: backend.store, catalog: backend.settings.catalog,
      calendar: ZonedCalendar(backend.settings.catalog))
    try await source.read { piece in
      report.skipped += piece.skipped
      report.overdrawn += piece.overdrawn
      var rest = piece.accounts[...]
      while !rest.isEmpty {
        let batch = Array(rest.prefix(AccountImport.linesPerBatch))
        rest = rest.dropFirst(batch.count)
        let outcome = try await backend.store.importAccounts(batch, run) {
          [now = run.now] principal throws(StoreError) in
          try rule.period(of: principal, at: now)
        }
        if !run.isTrial { try await publish(outcome.toPublish) }
        report.add(outcome, keys: piece.keys)
        try Task.checkCancellation()
      }
      progress(run.isTrial ? "trying" : "importing", piece.share)
    }
  }

  /// Users that were there before: Redis may know them as they were.
  private func publish(_ users: Set<String>) async throws {
    let publisher = backend.publisher
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, user) in users.enumerated() {
          if index >= AccountImport.publishersMax { try await group.next() }
          group.addTask { try await publisher.apply(.user(user)) }
        }
        try await group.waitForAll()
      }
    } catch {
      throw StoreError.unavailable(
        "what was imported so far is stored, but not yet effective on the gates (\(error)); it takes effect by "
          + "itself, and the same command goes on from here")
    }
  }
}

/// What an import came to.
struct ImportReport {
  let name: String
  let isTrial: Bool
  /// Lines, or keys, that were looked at.
  var lines: Int64 = 0
  var usersMade: Int64 = 0
  var usersChanged: Int64 = 0
  var tokensIssued: Int64 = 0
  var budgetsSet: Int64 = 0
  var unchanged: Int64 = 0
  var skipped: Int64 = 0
  var overdrawn: Int64 = 0
  var mistakesCount: Int64 = 0
  private(set) var mistakes: [ImportMistake] = []
  /// Something was, or would be, taken over.
  var isStarted = false
  var isUnreadable = false
  var milliseconds: Int64 = 0

  init(name: String, isTrial: Bool) {
    self.name = name
    self.isTrial = isTrial
  }

  /// As many are shown; all are counted.
  private static let mistakesShownMax = 100

  mutating func add(_ mistake: ImportMistake) {
    mistakesCount += 1
    if mistakes.count < ImportReport.mistakesShownMax { mistakes.append(mistake) }
  }

  mutating func add(_ outcome: AccountImportOutcome, keys: [Int64: String]) {
    usersMade += outcome.usersMade
    usersChanged += outcome.usersChanged
    tokensIssued += outcome.tokensIssued
    budgetsSet += outcome.budgetsSet
    unchanged += outcome.unchanged
    for refusal in outcome.refusals {
      let key = keys[refusal.line]
      add(
        ImportMistake(
          line: key == nil ? refusal.line : nil, key: key, field: refusal.field, message: refusal.message))
    }
  }
}
