/// What the gate asks of Postgres when its caches don't know: who a credential belongs to, and what an
/// account holds.
package protocol PrincipalStore: Sendable {
  /// One statement for a whole batch of hashes (up to 512), so that a flood of unknown tokens costs one
  /// round trip per batch. Expired tokens are given as they are; the result is in the order asked.
  func principals(tokenHashes: [TokenHash]) async throws(StoreError) -> [Principal?]

  /// The principal of a user that a service key names; nil when there is no such user.
  func principal(user: String) async throws(StoreError) -> Principal?

  /// The service or admin key with this hash; nil when there is none (or it was revoked).
  func apiKey(hash: TokenHash) async throws(StoreError) -> APIKey?

  /// The account as one consistent read of grants, ledger sums, open holds and version; nil when there is
  /// no such account.
  func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot?

  /// The same of several, no account twice; those that don't exist are left out. All of one kind are of one moment.
  func snapshots(of accounts: [AccountID]) async throws(StoreError) -> [AccountSnapshot]

  /// A hold as the books mirror it: for settles that come when Redis has forgotten it.
  func hold(id: String) async throws(StoreError) -> HoldRecord?

  /// Notes that tokens were used (batched; at most once a minute per token).
  func markUsed(tokens: [TokenHash]) async throws(StoreError)
}

extension PrincipalStore {
  package func snapshots(of accounts: [AccountID]) async throws(StoreError) -> [AccountSnapshot] {
    var snapshots: [AccountSnapshot] = []
    for account in accounts {
      if let snapshot = try await snapshot(of: account) { snapshots.append(snapshot) }
    }
    return snapshots
  }
}
