package import Gate
internal import PostgresStore
internal import Settings
internal import Signatures

/// Users to try things out with: one on each plan of the config file, each with a token.
package enum DemoData {
  package struct DemoUser: Sendable, Encodable {
    package var user: String
    package var plan: String
    package var token: String
  }

  /// Makes or changes `demo-<plan>` for each plan, and issues a fresh token for each. Throws what the stores throw.
  package static func seed(_ backend: Backend) async throws(StoreError) -> [DemoUser] {
    var users: [DemoUser] = []
    let plans = backend.settings.catalog.plans.values.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }
    for plan in plans {
      let id = "demo-\(plan.name)"
      var change = UserChange()
      change.email = .set("\(id)@example.com")
      change.plan = .set(plan.name)
      _ = try await backend.store.putUser(id, change, actor: "cli")
      let token = Token.make(prefix: .extension)
      guard let hash = TokenHash(bytes: SHA256.hash(token)) else { continue }
      _ = try await backend.store.issueToken(
        user: id, hash: hash, label: "demo", expiresAt: nil, actor: "cli")
      try await backend.publisher.apply(.user(id))
      users.append(DemoUser(user: id, plan: plan.name, token: token))
    }
    return users
  }
}
