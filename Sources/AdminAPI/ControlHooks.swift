package import Billing
package import Gate

/// What the wiring lends to single routes. A route of the admin listener whose hook is nil doesn't exist;
/// the gate's own routes always do, and say that nothing is behind them.
package struct ControlHooks: Sendable {
  /// `GET /admin/v1/stats`, for so many seconds back.
  package var stats: (@Sendable (_ windowSeconds: Int64) async throws -> JSON)?
  /// `POST /admin/v1/reconcile`.
  package var reconcile: (@Sendable (ReconcileRequest, _ actor: String) async throws -> ReconcileReport)?
  /// `GET /admin/v1/budgets`.
  package var budgets: (@Sendable (BudgetsQuery, PageRequest) async throws -> Page<BudgetReport>)?
  /// `POST /admin/v1/webhooks/events/{id}/replay`; nil when there is no such event.
  package var replay: (@Sendable (_ event: String, _ actor: String) async throws -> WebhookEventRecord?)?
  /// `/admin/v1/events`.
  package var events: EventHook?
  /// `plan_price_map`, with what Stripe says of each price; for the dashboard alone.
  package var prices: (@Sendable () async throws(BillingFault) -> [MappedPrice])?
  /// `GET /metrics`: the Prometheus text.
  package var metrics: (@Sendable () async -> String)?
  /// `GET /openapi.json`: the bytes of docs/openapi.json.
  package var openAPI: (@Sendable () -> [UInt8])?
  /// `GET /readyz`; without it the gate is ready as soon as it listens.
  package var readiness: (@Sendable () async -> Readiness)?
  /// `POST /webhooks/stripe`: the body as it came and its `Stripe-Signature`; 503 without it.
  package var stripeWebhook: (@Sendable (_ body: [UInt8], _ signature: String) async -> WebhookAnswer)?
  /// `/v1/billing/*`, but for the links; without it what needs Stripe is 503.
  package var billing: (any BillingEndpoints)?

  /// Makes hooks that do nothing.
  package init() {}
}

/// What `/admin/v1/events` stands on.
package struct EventHook: Sendable {
  /// The events that were booked.
  package var store: any EventStore
  /// The targets of the config.
  package var targets: [EventTarget]

  /// Both as the wiring has them.
  package init(store: any EventStore, targets: [EventTarget]) {
    self.store = store
    self.targets = targets
  }
}

/// What `POST /admin/v1/reconcile` is asked to do.
package struct ReconcileRequest: Sendable, Equatable {
  /// nil: all of them.
  package var account: AccountID?
  /// Whether what differs is made right, or only reported.
  package var mends: Bool
  /// Of all: those that come after this one.
  package var after: AccountID?

  /// Makes a request.
  package init(account: AccountID?, mends: Bool = true, after: AccountID? = nil) {
    self.account = account
    self.mends = mends
    self.after = after
  }
}

/// What part of `GET /admin/v1/budgets` is asked for.
package struct BudgetsQuery: Sendable, Equatable {
  /// What the list is sorted by, the closest to its limit first.
  package enum Order: String, Sendable, CaseIterable {
    case usedShare = "used_share"
    case remaining, used
  }
  /// How it is sorted.
  package var order: Order
  /// Only accounts of this plan; nil: all.
  package var plan: String?
  /// Only users' own budgets, or only tenants' pools; nil: both.
  package var kind: AccountID.Kind?

  /// Makes a query.
  package init(order: Order = .usedShare, plan: String? = nil, kind: AccountID.Kind? = nil) {
    self.order = order
    self.plan = plan
    self.kind = kind
  }
}

/// What `GET /readyz` tells: ready when every part that is required is up.
package struct Readiness: Sendable, Equatable {
  /// One thing that the gate stands on.
  package struct Component: Sendable, Equatable {
    /// `redis`, `postgres`, `stream`.
    package var name: String
    /// It answers, and within its bounds.
    package var isUp: Bool
    /// Numbers or words for operators; never an address with credentials.
    package var details: [JSON.Member]

    /// Makes a component.
    package init(name: String, isUp: Bool, details: [JSON.Member] = []) {
      self.name = name
      self.isUp = isUp
      self.details = details
    }
  }
  /// Traffic may come.
  package var isReady: Bool
  /// In the order they are shown.
  package var components: [Component]

  /// Makes a readiness.
  package init(isReady: Bool, components: [Component] = []) {
    self.isReady = isReady
    self.components = components
  }
}
