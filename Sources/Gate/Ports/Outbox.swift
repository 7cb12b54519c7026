/// One change in Postgres that Redis has yet to learn of: that an account is now at `version`, or that it
/// is gone. Rows carry no values: applying one reads the account as it is now and merges it, so that any
/// order and any number of applications end in the same state.
package struct OutboxRow: Sendable, Equatable {
  package var id: Int64
  package var account: AccountID
  package init(id: Int64, account: AccountID) {
    self.id = id
    self.account = account
  }
}

/// Postgres' side of the outbox.
package protocol OutboxStore: Sendable {
  /// Rows not yet applied, oldest first, at most `limit`. Several gates may read the same rows.
  func pendingOutbox(limit: Int) async throws(StoreError) -> [OutboxRow]
  func pendingOutbox(accounts: [AccountID]) async throws(StoreError) -> [OutboxRow]
  func markApplied(_ ids: [Int64]) async throws(StoreError)
}

/// Has Redis learn of a change before the call that made it answers.
package protocol OutboxApplying: Sendable {
  /// Applies what is pending for the account. On an error the row stays, and is applied later.
  func apply(_ account: AccountID) async throws(StoreError)
  /// The same for several at once, no account twice; on an error some of them may be applied.
  func apply(_ accounts: [AccountID]) async throws(StoreError)
}

extension OutboxApplying {
  package func apply(_ accounts: [AccountID]) async throws(StoreError) {
    for account in accounts { try await apply(account) }
  }
}

/// The counters as the control plane uses them; the data plane has a faster door of its own.
package protocol CounterStore: Sendable {
  /// Merges a newer version of an account into the live counters: grants added, changed or taken away;
  /// what was used is never touched. An account that Redis doesn't know is left unknown, but a load under
  /// way is fenced off. An older version than the stored one changes nothing.
  ///
  /// Should it begin a new period, at most `rolloverMax` tokens of the old one roll over, and debt is carried
  /// or forgiven, as the account's plan has it.
  func apply(
    _ snapshot: AccountSnapshot, rolloverMax: Int64, carriesDebt: Bool
  ) async throws(StoreError)
  /// The account was deleted: every check for it is MISSING from now on. `tenant` is a user's.
  func forget(_ account: AccountID, tenant: String?) async throws(StoreError)
}

/// What a trigger says of a change, in the transaction that makes it: `user:<id>:<version>`. Ids may have colons.
package struct Announcement: Sendable, Equatable {
  package var account: AccountID
  package var version: Int64

  /// nil for what no trigger of ours said.
  package init?(_ text: String) {
    guard let last = text.lastIndex(of: ":"), let account = AccountID(text[..<last]),
      let version = Int64(text[text.index(after: last)...])
    else { return nil }
    self.account = account
    self.version = version
  }
}
