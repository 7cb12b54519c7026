package import Gate

extension JSON {
  /// As `GET /admin/v1/users/{id}` shows it.
  package static func user(_ user: User) -> JSON {
    [
      "id": .string(user.id), "email": .text(user.email), "plan": .text(user.plan),
      "plan_changed_at": .time(user.planChangedAt), "tenant": .text(user.tenant),
      "stripe_customer_id": .text(user.stripeCustomerID), "version": .integer(user.version),
      "created_at": .time(user.createdAt),
    ]
  }

  static func tenant(_ tenant: Tenant) -> JSON {
    [
      "id": .string(tenant.id), "name": .text(tenant.name), "plan": .text(tenant.plan),
      "seats": .integer(tenant.seats), "stripe_customer_id": .text(tenant.stripeCustomerID),
      "version": .integer(tenant.version), "created_at": .time(tenant.createdAt),
    ]
  }

  /// A token as a list shows it. Its text is shown once, by the call that made it: `secret`.
  package static func token(_ token: ExtensionToken, secret: String? = nil) -> JSON {
    var members: [Member] = [Member("id", .string(token.id))]
    if let secret { members.append(Member("token", .string(secret))) }
    members += [
      Member("user", .string(token.user)), Member("label", .text(token.label)),
      Member("created_at", .time(token.createdAt)), Member("last_used_at", .time(token.lastUsedAt)),
      Member("expires_at", .time(token.expiresAt)),
    ]
    return .object(members)
  }

  /// A key as a list shows it. Its text is shown once, by the call that made it: `secret`.
  package static func key(_ key: APIKey, secret: String? = nil) -> JSON {
    var members: [Member] = [Member("id", .string(key.id))]
    if let secret { members.append(Member("key", .string(secret))) }
    members += [
      Member("kind", .string(key.kind.rawValue)), Member("role", .text(key.role?.rawValue)),
      Member("label", .string(key.label)), Member("created_at", .time(key.createdAt)),
      Member("last_used_at", .time(key.lastUsedAt)),
    ]
    return .object(members)
  }

  /// As the call that made it shows it.
  package static func grant(_ grant: Grant) -> JSON {
    [
      "id": .string(grant.reference.description), "kind": .string(grant.kind.rawValue),
      "tokens": .integer(grant.tokens), "used": .integer(grant.used),
      "period_start": .time(grant.periodStart), "period_end": .time(grant.periodEnd),
      "expires_at": .time(grant.expiresAt), "priority": .integer(grant.priority),
      "source": .string(grant.source), "source_reference": .text(grant.sourceReference),
      "created_at": .time(grant.createdAt),
    ]
  }

  /// `{"items":[…],"next_cursor":…}`.
  package static func page<Item>(_ page: Page<Item>, _ item: (Item) -> JSON) -> JSON {
    ["items": .array(page.items.map(item)), "next_cursor": .text(page.nextCursor)]
  }
}
