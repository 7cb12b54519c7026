/// A user as stored.
package struct User: Sendable, Equatable {
  package var id: String
  package var email: String?
  package var plan: String?
  package var planChangedAt: Instant?
  package var tenant: String?
  package var stripeCustomerID: String?
  package var version: Int64
  package var createdAt: Instant

  package init(
    id: String, email: String? = nil, plan: String? = nil, planChangedAt: Instant? = nil,
    tenant: String? = nil, stripeCustomerID: String? = nil, version: Int64 = 1, createdAt: Instant
  ) {
    self.id = id
    self.email = email
    self.plan = plan
    self.planChangedAt = planChangedAt
    self.tenant = tenant
    self.stripeCustomerID = stripeCustomerID
    self.version = version
    self.createdAt = createdAt
  }
}

/// A company or team that owns users.
package struct Tenant: Sendable, Equatable {
  package var id: String
  package var name: String?
  package var plan: String?
  package var seats: Int64
  package var stripeCustomerID: String?
  package var version: Int64
  package var createdAt: Instant

  package init(
    id: String, name: String? = nil, plan: String? = nil, seats: Int64 = 1,
    stripeCustomerID: String? = nil, version: Int64 = 1, createdAt: Instant
  ) {
    self.id = id
    self.name = name
    self.plan = plan
    self.seats = seats
    self.stripeCustomerID = stripeCustomerID
    self.version = version
    self.createdAt = createdAt
  }
}

/// A field of a change: left as it is, or set (to nothing, too).
package enum Change<Value: Sendable & Equatable>: Sendable, Equatable {
  case keep
  case set(Value?)
}

/// `PUT /admin/v1/users/{id}`: what is given is set; what is left out stays (or is nothing, on creation).
package struct UserChange: Sendable, Equatable {
  package var email: Change<String> = .keep
  package var plan: Change<String> = .keep
  package var tenant: Change<String> = .keep
  package var stripeCustomerID: Change<String> = .keep
  package init() {}
}

/// `PUT /admin/v1/tenants/{id}`.
package struct TenantChange: Sendable, Equatable {
  package var name: Change<String> = .keep
  package var plan: Change<String> = .keep
  /// 1 to 1,000,000.
  package var seats: Change<Int64> = .keep
  package var stripeCustomerID: Change<String> = .keep
  package init() {}
}

/// An extension token as stored: never its text.
package struct ExtensionToken: Sendable, Equatable {
  /// `tok_…`.
  package var id: String
  package var user: String
  package var label: String?
  package var createdAt: Instant
  package var lastUsedAt: Instant?
  package var expiresAt: Instant?

  package init(
    id: String, user: String, label: String?, createdAt: Instant, lastUsedAt: Instant? = nil,
    expiresAt: Instant? = nil
  ) {
    self.id = id
    self.user = user
    self.label = label
    self.createdAt = createdAt
    self.lastUsedAt = lastUsedAt
    self.expiresAt = expiresAt
  }
}

/// One line of the append-only audit log.
package struct AuditEntry: Sendable, Equatable {
  package var id: Int64
  package var at: Instant
  /// `key:<id>`, `cli`, `stripe`, `user:<id>`, `sql:<role>`, `system`.
  package var actor: String
  /// Dotted verb: `user.put`, `token.issue`, `token.revoke`, `budget.reset`, `grant.add`, …
  package var action: String
  /// `user:<id>`, `tenant:<id>`, `token:<id>`, …
  package var subject: String
  /// JSON objects, or nil.
  package var before: String?
  package var after: String?
  package var reason: String?

  package init(
    id: Int64, at: Instant, actor: String, action: String, subject: String, before: String? = nil,
    after: String? = nil, reason: String? = nil
  ) {
    self.id = id
    self.at = at
    self.actor = actor
    self.action = action
    self.subject = subject
    self.before = before
    self.after = after
    self.reason = reason
  }
}

/// One page of a list; `nextCursor` is opaque and nil on the last page.
package struct Page<Item: Sendable>: Sendable {
  package var items: [Item]
  package var nextCursor: String?
  package init(items: [Item], nextCursor: String?) {
    self.items = items
    self.nextCursor = nextCursor
  }
}

/// What part of a list is asked for. `limit` is 1 to 200.
package struct PageRequest: Sendable, Equatable {
  package var limit: Int
  package var cursor: String?
  package init(limit: Int = Limits.pageItemsDefault, cursor: String? = nil) {
    self.limit = limit
    self.cursor = cursor
  }
}
