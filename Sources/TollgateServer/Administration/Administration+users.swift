internal import AdminAPI
package import Gate
internal import PostgresStore
internal import Settings

extension Administration {
  /// Makes or changes a user. Throws `conflict` for a plan that the config file doesn't have: a typo would take
  /// everything from the user.
  package func putUser(_ id: String, _ change: UserChange) async throws(StoreError) -> Answer {
    if case .set(let plan?) = change.plan, backend.settings.catalog.plans[plan] == nil {
      let plans = backend.settings.catalog.plans.keys.sorted().joined(separator: ", ")
      throw .conflict("there is no such plan `\(plan)`; the config file has \(plans)")
    }
    let user = try await backend.store.putUser(id, change, actor: Administration.actor)
    try await makeEffective(.user(id))
    return Administration.answer(user)
  }

  /// One user.
  package func user(_ id: String) async throws(StoreError) -> Answer {
    guard let user = try await backend.store.user(id) else { throw .notFound("user `\(id)`") }
    return Administration.answer(user)
  }

  /// A page of users, in the order of their ids.
  package func users(_ filter: UserFilter, _ page: PageRequest) async throws(StoreError) -> Answer {
    let found = try await backend.store.users(filter, page)
    let table = TextTable(
      ["USER", .text("EMAIL"), "PLAN", .text("TENANT"), "SINCE"],
      found.items.map { user in
        [
          .init(user.id), .init(user.email), .init(user.plan), .init(user.tenant),
          .init(user.createdAt.rfc3339),
        ]
      })
    return .list(.page(found, JSON.user), table, of: "users", found.items.count, found.nextCursor)
  }

  private static func answer(_ user: User) -> Answer {
    Answer(
      .user(user),
      [
        .table(
          TextTable(fields: [
            ("user", user.id), ("email", user.email), ("plan", user.plan),
            ("plan changed", user.planChangedAt?.rfc3339), ("tenant", user.tenant),
            ("stripe customer", user.stripeCustomerID), ("since", user.createdAt.rfc3339),
          ]))
      ])
  }
}
