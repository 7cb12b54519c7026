/// An amount of tokens that an account may spend. Every allowance is a grant; a budget is the account's
/// live grants, spent soonest-expiring first (ties: lowest priority number, then oldest).
package struct Grant: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable { case period, topup, rollover, adjustment }

  /// What names a grant within its account, in Redis and in the ledger.
  package struct Reference: Hashable, Sendable, CustomStringConvertible {
    package enum Series: String, Sendable, CaseIterable {
      /// Made by the check itself when a calendar period begins; the number is the period's start in
      /// milliseconds (of a day's, one more, for a day and a month may begin together), so that every gate and
      /// every retry names the same grant.
      case calendar = "c"
      /// Made in Postgres (invoice, checkout, admin); the number is the row's.
      case granted = "g"
      /// Made by the scripts from what a period left unspent; the number is the start of the period that it is
      /// spent in.
      case rollover = "r"
    }
    package var series: Series
    /// 0 to 2⁵³−1.
    package var number: Int64

    package init(_ series: Series, _ number: Int64) {
      self.series = series
      self.number = number
    }
    /// `grt_c1764547200000`, `grt_g17`: the `id` in the API.
    package var description: String { "grt_\(series.rawValue)\(number)" }
    package init?(_ text: String) {
      guard text.hasPrefix("grt_"), let letter = text.dropFirst(4).first,
        let series = Series(rawValue: String(letter)), let number = Int64(text.dropFirst(5)), number >= 0
      else { return nil }
      self.init(series, number)
    }
  }

  package var reference: Reference
  package var kind: Kind
  /// 0 to 10¹⁵−1.
  package var tokens: Int64
  /// What was spent of it according to the books.
  package var used: Int64
  /// Of a period grant: the span it covers; its order among resets.
  package var periodStart: Instant?
  package var periodEnd: Instant?
  /// nil: never. A subscription's period grant outlives its period by the plan's grace.
  package var expiresAt: Instant?
  /// Lower is spent first among equal expiries. 0 to 1,000,000.
  package var priority: Int64
  /// `calendar`, `invoice`, `checkout`, `admin`, `import`, with the invoice or session as reference.
  package var source: String
  package var sourceReference: String?
  package var createdAt: Instant

  package init(
    reference: Reference, kind: Kind, tokens: Int64, used: Int64 = 0, periodStart: Instant? = nil,
    periodEnd: Instant? = nil, expiresAt: Instant? = nil, priority: Int64 = 100, source: String,
    sourceReference: String? = nil, createdAt: Instant
  ) {
    self.reference = reference
    self.kind = kind
    self.tokens = tokens
    self.used = used
    self.periodStart = periodStart
    self.periodEnd = periodEnd
    self.expiresAt = expiresAt
    self.priority = priority
    self.source = source
    self.sourceReference = sourceReference
    self.createdAt = createdAt
  }
}

/// Where tokens were taken from: one grant and how many. Negative when they went back.
package struct Allocation: Sendable, Equatable {
  package var grant: Grant.Reference
  package var tokens: Int64

  package init(grant: Grant.Reference, tokens: Int64) {
    self.grant = grant
    self.tokens = tokens
  }
}

/// An account as the books have it, at one `version`: what Redis is told after a change (merged: it never
/// touches what was used), and what it is rebuilt from when it has lost the account.
package struct AccountSnapshot: Sendable, Equatable {
  package var account: AccountID
  /// The tenant that a user belongs to.
  package var tenant: String?
  /// As stored; nil: the default plan, if any.
  package var plan: String?
  package var version: Int64
  /// Live grants (not expired, not revoked), with what the ledger says was used of each.
  package var grants: [Grant]
  package var debt: Int64
  /// Holds whose side of this account is unresolved according to the books, those included whose time has
  /// passed: their expiry is yet to be booked. Of a tenant's, the user's side may be resolved already.
  package var holds: [HoldRecord]
  /// Booked use in the current UTC hour, and since `dayStart`, for the caps; only for a rebuild.
  package var hourUsed: Int64
  package var recentUse: [RecentUse]

  /// Booked tokens of one hour, for rebuilding daily caps in any time zone.
  package struct RecentUse: Sendable, Equatable {
    package var hourStart: Instant
    package var tokens: Int64
    package init(hourStart: Instant, tokens: Int64) {
      self.hourStart = hourStart
      self.tokens = tokens
    }
  }

  package init(
    account: AccountID, tenant: String? = nil, version: Int64, grants: [Grant] = [], debt: Int64 = 0,
    holds: [HoldRecord] = [], hourUsed: Int64 = 0, recentUse: [RecentUse] = []
  ) {
    self.account = account
    self.tenant = tenant
    self.version = version
    self.grants = grants
    self.debt = debt
    self.holds = holds
    self.hourUsed = hourUsed
    self.recentUse = recentUse
  }
}
