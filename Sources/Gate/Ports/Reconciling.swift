/// The counters as a reconciliation looks at them and mends them.
package protocol CountersInspecting: Sendable {
  /// The account at one moment, with at most `holdsMax` of its open holds; nothing is changed. `tenant` is a
  /// user's. An account of an older epoch counts as one that is not there.
  func inspect(_ account: AccountID, tenant: String?, holdsMax: Int) async throws(StoreError) -> CountersView
  /// Returns once every entry up to `newest` of the bucket's stream is booked; throws `unavailable` when that
  /// takes longer than the books usually need.
  func waitUntilBooked(_ newest: StreamID, bucket: Int) async throws(StoreError)
  /// The whole record of a user's open hold, with its parts of the user's and the pool's budget; nil when there is none.
  func openHold(_ id: String, of user: String, bucket: Int) async throws(StoreError) -> HoldRecord?
  /// Forgets the account that was looked at, with the holds named that the books don't have: the next question
  /// loads it from the books. False when it is another one by now.
  func evict(_ view: CountersView, tenant: String?, unknownHolds: [String]) async throws(StoreError) -> Bool
  /// Writes a user's readable rest anew, as the account has it.
  func publishRest(user: String, tenant: String?) async throws(StoreError)
}

/// The books as a reconciliation looks at them and mends them.
package protocol BooksInspecting: Sendable {
  /// Where the account is to be found; nil when there is no such account.
  func place(of account: AccountID) async throws(StoreError) -> AccountPlace?
  /// The next accounts after one, users first, each kind in the order of ids; empty at the end.
  func places(after: AccountID?, limit: Int) async throws(StoreError) -> [AccountPlace]
  /// The account, as it was at the moment of `counters`; nil when there is none. `deep`: with the sums of all of
  /// its entries; else only the rollups of the last `rollupHours` are summed up.
  func inspect(_ counters: CountersView, deep: Bool) async throws(StoreError) -> BooksView?
  /// Makes the derived rows of the account anew from the entries; `lost` are holds that only Redis still has.
  func mend(_ account: AccountID, lost: [HoldRecord]) async throws(StoreError)
  /// Keeps what was found, for the metrics and the audit log. `actor` nil: nobody was told, nothing is audited.
  func record(_ findings: [AccountFinding], actor: String?) async throws(StoreError)
}
