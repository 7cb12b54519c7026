internal import Gate
internal import PostgresStore

/// What an operator does at the machine itself: the admin API's reads and changes over the same stores and
/// rules, audited as `cli`. A change is effective on the gates before it is answered.
package struct Administration: Sendable {
  let backend: Backend
  /// As the audit log names whoever sits at the machine.
  static let actor = "cli"

  /// On stores that are open.
  package init(_ backend: Backend) { self.backend = backend }

  /// Has Redis learn of a change. When it can't, the change stands all the same.
  func makeEffective(_ account: AccountID) async throws(StoreError) {
    do {
      try await backend.publisher.apply(account)
    } catch {
      throw .unavailable(
        "the change is stored, but not yet effective on the gates (\(error)); it takes effect by itself as soon "
          + "as Redis is back")
    }
  }

  /// The account, which has to exist.
  func known(_ account: AccountID) async throws(StoreError) {
    let isKnown =
      switch account.kind {
      case .user: try await backend.store.user(account.id) != nil
      case .tenant: try await backend.store.tenant(account.id) != nil
      }
    guard isKnown else { throw .notFound("\(account.kind.rawValue) `\(account.id)`") }
  }
}
