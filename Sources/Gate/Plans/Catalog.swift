/// What the config file says of plans, features, prices and links: read once at start, the same on
/// every gate.
package struct Catalog: Sendable, Equatable {
  /// What a user without a live subscription has; nil: `subscription_inactive`.
  package var defaultPlan: String?
  package var defaultFeature: String
  package var plans: [String: Plan]
  package var features: [String: Feature]
  /// Stripe price → what one purchase of it grants.
  package var topups: [String: TopUp]
  /// `/authz` policies by name.
  package var policies: [String: Policy]
  /// Per cent of a budget at whose crossing one event is sent, ascending, at most 8.
  package var thresholds: [Int]
  package var links: BillingLinks
  /// An `incomplete` subscription counts as active.
  package var incompleteGrantsAccess: Bool

  package init(
    defaultPlan: String? = nil, defaultFeature: String, plans: [Plan], features: [Feature],
    topups: [String: TopUp] = [:], policies: [String: Policy] = [:], thresholds: [Int] = [50, 80, 100],
    links: BillingLinks = BillingLinks(), incompleteGrantsAccess: Bool = false
  ) {
    self.defaultPlan = defaultPlan
    self.defaultFeature = defaultFeature
    self.plans = Dictionary(plans.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
    self.features = Dictionary(features.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
    self.topups = topups
    self.policies = policies
    self.thresholds = thresholds
    self.links = links
    self.incompleteGrantsAccess = incompleteGrantsAccess
  }

  /// The plans that include a feature, lowest rank first (ties by name).
  package func plans(including feature: String) -> [String] {
    plans.values.filter { $0.features.contains(feature) }
      .sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map(\.name)
  }
}

/// One thing that is gated, with what a request to it costs when the caller doesn't say.
package struct Feature: Sendable, Hashable {
  package enum Expiry: String, Sendable, Hashable, CaseIterable { case charge, release }
  package enum StoreFailure: String, Sendable, Hashable, CaseIterable { case deny, allow }

  package var name: String
  /// 0 to 10¹⁵−1.
  package var defaultTokens: Int64
  /// `default_tokens: p95`: the user's recent 95th percentile of settled use; ``defaultTokens`` until
  /// there is one.
  package var defaultIsP95: Bool
  /// What a caller with an extension token alone pays at least.
  package var minTokens: Int64
  /// What such a caller pays at least is the estimate, where there is one and no minimum is set.
  package var minIsP95: Bool
  /// What happens to the held amount when a hold expires.
  package var onExpire: Expiry
  package var onStoreFailure: StoreFailure

  package init(
    name: String, defaultTokens: Int64, defaultIsP95: Bool = false, minTokens: Int64? = nil,
    onExpire: Expiry = .charge, onStoreFailure: StoreFailure = .deny
  ) {
    self.name = name
    self.defaultTokens = defaultTokens
    self.defaultIsP95 = defaultIsP95
    self.minTokens = minTokens ?? (defaultIsP95 ? 0 : defaultTokens)
    minIsP95 = defaultIsP95 && minTokens == nil
    self.onExpire = onExpire
    self.onStoreFailure = onStoreFailure
  }
}

/// What one purchase of a top-up price grants.
package struct TopUp: Sendable, Hashable {
  package var tokens: Int64
  /// nil: never expires.
  package var expiresAfterDays: Int64?

  package init(tokens: Int64, expiresAfterDays: Int64? = nil) {
    self.tokens = tokens
    self.expiresAfterDays = expiresAfterDays
  }
}

/// What an `/authz` path asks for, fixed by the operator.
package struct Policy: Sendable, Hashable {
  package var feature: String
  package var tokens: Int64?
  package var mode: CheckMode

  package init(feature: String, tokens: Int64? = nil, mode: CheckMode = .spend) {
    self.feature = feature
    self.tokens = tokens
    self.mode = mode
  }
}

/// The links of the Billing tab. The stored setting overrides the config file, field by field.
package struct BillingLinks: Sendable, Hashable {
  package var upgradeURL: String?
  package var enterpriseContactURL: String?
  package var customerPortalURL: String?
  package var successURL: String?
  package var cancelURL: String?
  package var webAppURL: String?

  package init(
    upgradeURL: String? = nil, enterpriseContactURL: String? = nil, customerPortalURL: String? = nil,
    successURL: String? = nil, cancelURL: String? = nil, webAppURL: String? = nil
  ) {
    self.upgradeURL = upgradeURL
    self.enterpriseContactURL = enterpriseContactURL
    self.customerPortalURL = customerPortalURL
    self.successURL = successURL
    self.cancelURL = cancelURL
    self.webAppURL = webAppURL
  }
}
