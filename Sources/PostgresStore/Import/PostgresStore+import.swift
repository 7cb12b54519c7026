package import Gate

extension PostgresStore {
  /// Takes a batch of lines over, as one transaction. What contradicts what is stored is refused by its line, and
  /// the other lines are done; a line that was done before does nothing. `period` is the budget that a user's plan
  /// gives now, for what remains of the period; it throws `conflict` where there is none.
  ///
  /// A budget becomes a period grant of what is left, at most the plan's own, and an adjustment without an end for
  /// what is left beyond that; other live grants are counted in. They take the place of the period grant there was
  /// and of what an earlier import made.
  package func importAccounts(
    _ accounts: [ImportedAccount], _ run: AccountImportRun,
    period: @Sendable @escaping (Principal) throws(StoreError) -> ResetPeriod
  ) async throws(StoreError) -> AccountImportOutcome {
    guard (1...64).contains(run.name.utf8.count), Identifier.isValid(run.name) else {
      throw .invalid(field: "name", message: "must be 1 to 64 visible ASCII characters")
    }
    return try await pool.transaction { (transaction) async throws(StoreError) -> AccountImportOutcome in
      // One batch at a time: what is looked at below stays as it is.
      _ = try await transaction.query(
        """
        SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.import')),
          set_config('tollgate.announce', 'outbox', true), set_config('tollgate.actor', $1, true)
        """, [.text(run.actor)])
      if run.isTrial { _ = try await transaction.query("SAVEPOINT import") }
      let batch = AccountImportBatch(transaction: transaction, run: run)
      let outcome = try await batch.take(accounts, period: period)
      if run.isTrial { _ = try await transaction.query("ROLLBACK TO SAVEPOINT import") }
      return outcome
    }
  }
}

/// One batch of an import in its transaction.
private struct AccountImportBatch: Sendable {
  let transaction: PostgresTransaction
  let run: AccountImportRun

  private var key: String { "import:\(run.name)" }
  private var reason: String { "import \(run.name)" }

  func take(
    _ accounts: [ImportedAccount], period: @Sendable (Principal) throws(StoreError) -> ResetPeriod
  ) async throws(StoreError) -> AccountImportOutcome {
    var outcome = AccountImportOutcome()
    let refused = try await transaction.query(
      AccountImportSQL.refusals, [.json(ImportedAccount.json(accounts)), .text(key)])
    outcome.refusals = try refused.map { row throws(StoreError) in
      ImportRefusal(
        line: try row.need("line", PostgresRow.int), field: try row.need("field", PostgresRow.string),
        message: try row.need("message", PostgresRow.string))
    }
    let refusedLines = Set(outcome.refusals.map(\.line))
    let accounts = accounts.filter { !refusedLines.contains($0.line) }
    guard !accounts.isEmpty else { return outcome }
    let json = ImportedAccount.json(accounts)
    let (made, changed) = try await putUsers(accounts, json)
    let issued = try await issueTokens(json)
    let budgets = try await setBudgets(accounts, period: period)
    outcome.refusals += budgets.refusals
    outcome.usersMade = Int64(made.count)
    outcome.usersChanged = Int64(changed.count)
    outcome.tokensIssued = Int64(issued.lines.count)
    outcome.budgetsSet = Int64(budgets.users.count)
    let news = made.union(changed)
    let failed = Set(budgets.refusals.map(\.line))
    for account in accounts where !failed.contains(account.line) {
      let says =
        issued.lines.contains(account.line) || news.contains(account.user)
        || account.remaining != nil && budgets.users.contains(account.user)
      if !says { outcome.unchanged += 1 }
    }
    _ = try await transaction.query(AccountImportSQL.settleOutbox, [.textArray(Array(made))])
    outcome.toPublish = changed.union(issued.users).union(budgets.users).subtracting(made)
    return outcome
  }

  private func putUsers(
    _ accounts: [ImportedAccount], _ json: String
  ) async throws(StoreError) -> (made: Set<String>, changed: Set<String>) {
    let users = Set(accounts.map(\.user)).sorted()
    var before: [String: String] = [:]
    let stored = try await transaction.query(AccountImportSQL.stored, [.textArray(users)])
    for index in 0..<stored.count {
      before[stored.string(index, "id") ?? ""] = stored.string(index, "record")
    }
    let put = try await transaction.query(AccountImportSQL.users, [.json(json)])
    var (made, changed): (Set<String>, Set<String>) = ([], [])
    var (ids, befores, afters): ([String?], [String?], [String?]) = ([], [], [])
    for index in 0..<put.count {
      let id = put.string(index, "id") ?? ""
      if put.bool(index, "is_new") ?? false { made.insert(id) } else { changed.insert(id) }
      ids.append(id)
      befores.append(before[id])
      afters.append(put.string(index, "record"))
    }
    if !ids.isEmpty {
      _ = try await transaction.query(
        AccountImportSQL.usersAudit,
        [.text(run.actor), .text(reason), .textArray(ids), .textArray(befores), .textArray(afters)])
    }
    return (made, changed)
  }

  private func issueTokens(
    _ json: String
  ) async throws(StoreError) -> (lines: Set<Int64>, users: Set<String>) {
    let put = try await transaction.query(
      AccountImportSQL.tokens, [.json(json), .text(run.actor), .text(reason)])
    var (lines, users): (Set<Int64>, Set<String>) = ([], [])
    for index in 0..<put.count {
      lines.insert(put.int(index, "line") ?? 0)
      users.insert(put.string(index, "u") ?? "")
    }
    return (lines, users)
  }

  private func setBudgets(
    _ accounts: [ImportedAccount], period: @Sendable (Principal) throws(StoreError) -> ResetPeriod
  ) async throws(StoreError) -> (users: Set<String>, refusals: [ImportRefusal]) {
    let asked = Dictionary(
      accounts.filter { $0.remaining != nil }.map { ($0.user, $0) }, uniquingKeysWith: { first, _ in first })
    guard !asked.isEmpty else { return ([], []) }
    let rows = try await transaction.query(
      AccountImportSQL.budgets, [.textArray(asked.keys.sorted()), .text(key)])
    var budgets: [ImportedBudget] = []
    var refusals: [ImportRefusal] = []
    for index in 0..<rows.count where !(rows.bool(index, "is_done") ?? false) {
      let row = rows[index]
      let principal = try PostgresStore.principal(row)
      guard let account = asked[principal.user], let remaining = account.remaining else { continue }
      do throws(StoreError) {
        let budget = try ImportedBudget(
          principal.user, remaining: remaining, period: try period(principal),
          other: (rest: row.int("other_rest") ?? 0, live: row.int("other_live") ?? 0),
          debt: row.int("debt") ?? 0)
        budgets.append(budget)
      } catch {
        guard case .conflict(let message) = error else { throw error }
        refusals.append(
          ImportRefusal(line: account.line, field: "remaining", message: "can't be set: \(message)"))
      }
    }
    guard !budgets.isEmpty else { return ([], refusals) }
    _ = try await transaction.query(
      AccountImportSQL.grants,
      [
        .textArray(budgets.map(\.user)), .intArray(budgets.map(\.period)),
        .intArray(budgets.map(\.ends)), .intArray(budgets.map(\.more)),
        .intArray(budgets.map(\.remaining)), .instant(run.now), .text(key), .text(run.actor), .text(reason),
      ])
    return (Set(budgets.map(\.user)), refusals)
  }
}

/// The grants that make an imported rest.
private struct ImportedBudget {
  let user: String
  let remaining: Int64
  /// Tokens of the period grant, and when it ends.
  let period: Int64
  let ends: Int64?
  /// Tokens of an adjustment beside it.
  let more: Int64

  init(
    _ user: String, remaining: Int64, period: ResetPeriod, other: (rest: Int64, live: Int64), debt: Int64
  ) throws(StoreError) {
    guard debt <= 0 else {
      throw .conflict("the user is \(debt) tokens in debt here: reset the budget first")
    }
    guard other.rest <= remaining else {
      throw .conflict("the user's other grants here have \(other.rest) tokens left: revoke some first")
    }
    guard other.live + 2 <= Int64(Limits.liveGrantsMax) else {
      throw .conflict("the user has \(other.live) other live grants: revoke some first")
    }
    self.user = user
    self.remaining = remaining
    let wanted = remaining - other.rest
    self.period = min(wanted, period.tokens)
    more = wanted - self.period
    ends = period.end?.milliseconds
  }
}
