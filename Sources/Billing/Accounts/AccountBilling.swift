package import Gate

/// `GET /v1/billing/status`: what a user's (or its tenant's) subscription and plan come to now.
package struct AccountBilling: Sendable, Equatable {
  /// The plan that counts, the default one included; nil: none.
  package var plan: String?
  /// Stripe's word; `active` without a subscription, `inactive` without a plan.
  package var status: String
  /// The subscription is live (`active`, `trialing` or `past_due`).
  package var isActive: Bool
  /// At least 1.
  package var seats: Int64
  /// nil without a subscription.
  package var currentPeriodEnd: Instant?
  /// A cancellation is scheduled, for the period's end or for a day.
  package var cancelsAtPeriodEnd: Bool
  /// The plan's rights hold now: by subscription, grace, hand or default.
  package var isPlanActive: Bool
  /// When they end: the scheduled cancellation, or the end of `past_due`'s grace. nil: not foreseen.
  package var planExpires: Instant?
  /// Why they don't hold, in the gate's own words.
  package var lockoutReason: String?
  /// `cus_…`.
  package var stripeCustomerID: String?
  /// `sub_…`; of several the live one, and of those the latest.
  package var stripeSubscriptionID: String?
  /// `price_…` of the plan in effect.
  package var priceID: String?

  /// Works it out as the gate does, so that the Billing tab never says other than the checks.
  package init(_ facts: BillingStatusFacts, user: String, catalog: Catalog, now: Instant) {
    let subscription = AccountBilling.speaking(facts.subscriptions, catalog: catalog)
    let isTenant = facts.account.kind == .tenant
    let state = subscription.map {
      SubscriptionState(
        stripeSubscriptionID: $0.id, status: $0.status, currentPeriodStart: $0.currentPeriodStart,
        currentPeriodEnd: $0.currentPeriodEnd, pastDueSince: $0.pastDueSince)
    }
    let principal = Principal(
      user: user, tenant: isTenant ? facts.account.id : nil, userPlan: isTenant ? nil : facts.plan,
      tenantPlan: isTenant ? facts.plan : nil, seats: facts.seats, subscription: state, version: 0)
    let entitlement = Entitlement(of: principal, catalog: catalog)
    let isLockedOut = entitlement.lockoutAt.map { $0 <= now } ?? false
    plan = entitlement.plan?.name
    status = entitlement.status
    isActive = state?.isLive ?? false
    seats = max(1, subscription?.seats ?? facts.seats)
    currentPeriodEnd = subscription?.currentPeriodEnd
    cancelsAtPeriodEnd = subscription.map { $0.cancelAtPeriodEnd || $0.cancelAt != nil } ?? false
    isPlanActive = entitlement.plan != nil && !isLockedOut
    let canceledAt = cancelsAtPeriodEnd ? subscription?.cancelAt ?? subscription?.currentPeriodEnd : nil
    let ends = [isActive ? canceledAt : nil, entitlement.plan == nil ? nil : entitlement.lockoutAt]
    planExpires = ends.compactMap { $0 }.min()
    lockoutReason = isLockedOut ? entitlement.lockoutReason?.rawValue : nil
    stripeCustomerID = facts.customer ?? subscription?.customer
    stripeSubscriptionID = subscription?.id
    priceID = subscription?.price
  }

  /// The subscription that speaks for the account: a live one before a dead one, as the gate has it; of dead
  /// ones the latest.
  static func speaking(_ subscriptions: [StoredSubscription], catalog: Catalog) -> StoredSubscription? {
    PlanBook(catalog: catalog, prices: [:]).speaking(subscriptions)
      ?? subscriptions.max {
        ($0.currentPeriodStart?.milliseconds ?? .min, $0.id)
          < ($1.currentPeriodStart?.milliseconds ?? .min, $1.id)
      }
  }
}
