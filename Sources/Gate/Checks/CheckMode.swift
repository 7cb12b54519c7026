/// What a check does when it is allowed.
package enum CheckMode: String, Sendable, CaseIterable {
  /// Takes the tokens for good.
  case spend
  /// Holds them until settle, release or expiry.
  case reserve
  /// Answers, and takes nothing.
  case peek
}

/// One budget at one moment: `limit + debt = used + held + remaining` (when in debt, remaining is 0).
package struct Budget: Sendable, Equatable {
  package var limit: Int64
  package var used: Int64
  package var held: Int64
  package var remaining: Int64
  package var debt: Int64
  package var resetsAt: Instant?

  package init(
    limit: Int64 = 0, used: Int64 = 0, held: Int64 = 0, remaining: Int64 = 0, debt: Int64 = 0,
    resetsAt: Instant? = nil
  ) {
    self.limit = limit
    self.used = used
    self.held = held
    self.remaining = remaining
    self.debt = debt
    self.resetsAt = resetsAt
  }
}

/// What is left of one rate limit: `limit` per `windowSeconds`.
package struct RateState: Sendable, Equatable {
  package var limit: Int64
  package var windowSeconds: Int64
  package var remaining: Int64

  package init(limit: Int64, windowSeconds: Int64, remaining: Int64) {
    self.limit = limit
    self.windowSeconds = windowSeconds
    self.remaining = remaining
  }
}

/// Everything `GET /v1/budget` tells of a user.
package struct BudgetReport: Sendable, Equatable {
  package struct LiveGrant: Sendable, Equatable {
    package var reference: Grant.Reference
    package var kind: Grant.Kind
    package var tokens: Int64
    package var remaining: Int64
    package var expiresAt: Instant?

    package init(
      reference: Grant.Reference, kind: Grant.Kind, tokens: Int64, remaining: Int64, expiresAt: Instant?
    ) {
      self.reference = reference
      self.kind = kind
      self.tokens = tokens
      self.remaining = remaining
      self.expiresAt = expiresAt
    }
  }

  package var user: String?
  package var tenant: String?
  package var plan: String?
  /// `active`, or the subscription's own word: `trialing`, `past_due`, …, `inactive` without a plan.
  package var status: String
  /// The binding budget: the user's own; the pool's where the user has none of their own.
  package var budget: Budget
  package var tenantBudget: Budget?
  package var grants: [LiveGrant]
  /// By name: `requests`, `tokens`, `hourly_tokens`, `daily_tokens`, `concurrent`.
  package var rates: [(name: String, state: RateState)]
  /// Of the user, at the time of the answer.
  package var version: Int64

  package init(
    user: String?, tenant: String?, plan: String?, status: String, budget: Budget,
    tenantBudget: Budget? = nil, grants: [LiveGrant] = [], rates: [(name: String, state: RateState)] = [],
    version: Int64 = 0
  ) {
    self.user = user
    self.tenant = tenant
    self.plan = plan
    self.status = status
    self.budget = budget
    self.tenantBudget = tenantBudget
    self.grants = grants
    self.rates = rates
    self.version = version
  }

  package static func == (left: BudgetReport, right: BudgetReport) -> Bool {
    left.user == right.user && left.tenant == right.tenant && left.plan == right.plan
      && left.status == right.status && left.budget == right.budget
      && left.tenantBudget == right.tenantBudget && left.grants == right.grants
      && left.version == right.version
      && left.rates.elementsEqual(right.rates) { $0.name == $1.name && $0.state == $1.state }
  }
}
