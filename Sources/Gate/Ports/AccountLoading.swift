/// Puts an account that the counters have lost back from the books.
package protocol AccountLoading: Sendable {
  /// Returns the epoch of the counters once the question is worth asking again. Throws `notFound` when there is
  /// no such account, `unavailable` when a store is out of reach.
  func load(_ account: AccountID, tenant: String?) async throws(StoreError) -> Int64
}
