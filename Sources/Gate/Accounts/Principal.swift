/// Whose budget: a user's own, or a tenant's pool.
package struct AccountID: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable { case user, tenant }
  package var kind: Kind
  package var id: String

  package init(_ kind: Kind, _ id: String) {
    self.kind = kind
    self.id = id
  }
  /// Reads a ``description``, `user:u_42`. Ids may have colons; whether it is a valid one isn't looked at. nil for
  /// anything else.
  package init?(_ description: some StringProtocol) {
    guard let colon = description.firstIndex(of: ":"),
      let kind = Kind(rawValue: String(description[..<colon]))
    else { return nil }
    self.init(kind, String(description[description.index(after: colon)...]))
  }
  package static func user(_ id: String) -> AccountID { AccountID(.user, id) }
  package static func tenant(_ id: String) -> AccountID { AccountID(.tenant, id) }
  package var description: String { "\(kind.rawValue):\(id)" }
}

/// Who is calling, as far as a check has to know: what the local cache holds per token, fenced by the
/// two versions. Built by Postgres, kept in Redis' token cache.
package struct Principal: Sendable, Equatable {
  package var user: String
  package var tenant: String?
  /// Of the token it was found by; nil for one without an end, and for a user named by a service key.
  package var tokenExpiresAt: Instant?
  /// `users.plan` and `tenants.plan`, as stored; nil where none is.
  package var userPlan: String?
  package var tenantPlan: String?
  /// Seats of the tenant's subscription, else of the tenant, at least 1.
  package var seats: Int64
  /// The live or last subscription that speaks for this user: its tenant's where there is a tenant with
  /// one, else the user's own.
  package var subscription: SubscriptionState?
  /// The user's own limits, expired ones left out as of when it was read.
  package var overrides: [LimitOverride]
  /// The user's entitlement version, and the tenant's (0 without one).
  package var version: Int64
  package var tenantVersion: Int64

  package init(
    user: String, tenant: String? = nil, tokenExpiresAt: Instant? = nil,
    userPlan: String? = nil, tenantPlan: String? = nil, seats: Int64 = 1,
    subscription: SubscriptionState? = nil, overrides: [LimitOverride] = [], version: Int64,
    tenantVersion: Int64 = 0
  ) {
    self.user = user
    self.tenant = tenant
    self.tokenExpiresAt = tokenExpiresAt
    self.userPlan = userPlan
    self.tenantPlan = tenantPlan
    self.seats = seats
    self.subscription = subscription
    self.overrides = overrides
    self.version = version
    self.tenantVersion = tenantVersion
  }
}

/// The part of a subscription that decides entitlement.
package struct SubscriptionState: Sendable, Equatable {
  package var stripeSubscriptionID: String
  /// Stripe's word: `active`, `trialing`, `past_due`, …; an unknown one is kept as it is.
  package var status: String
  package var currentPeriodStart: Instant?
  package var currentPeriodEnd: Instant?
  /// When it went `past_due`; the plan's grace counts from here.
  package var pastDueSince: Instant?

  package init(
    stripeSubscriptionID: String, status: String, currentPeriodStart: Instant? = nil,
    currentPeriodEnd: Instant? = nil, pastDueSince: Instant? = nil
  ) {
    self.stripeSubscriptionID = stripeSubscriptionID
    self.status = status
    self.currentPeriodStart = currentPeriodStart
    self.currentPeriodEnd = currentPeriodEnd
    self.pastDueSince = pastDueSince
  }

  /// The subscription still carries a plan: its period budget comes from its invoices.
  package var isLive: Bool { status == "active" || status == "trialing" || status == "past_due" }
}

/// A service or admin key, as stored: its hash is what it was found by.
package struct APIKey: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable { case service, admin }
  package enum Role: String, Sendable, CaseIterable { case viewer, `operator` }
  package var id: String
  package var kind: Kind
  /// Of admin keys; a service key has none.
  package var role: Role?
  package var label: String
  package var createdAt: Instant
  package var lastUsedAt: Instant?

  package init(
    id: String, kind: Kind, role: Role?, label: String, createdAt: Instant, lastUsedAt: Instant? = nil
  ) {
    self.id = id
    self.kind = kind
    self.role = role
    self.label = label
    self.createdAt = createdAt
    self.lastUsedAt = lastUsedAt
  }
}
