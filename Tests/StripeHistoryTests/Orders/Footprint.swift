import BillingStores
import Gate

/// All of a store's state that anything later can depend on: two stores with the same go on alike. What is left
/// out is only written: audit lines, numbers of rows, details for people.
struct Footprint: Equatable {
  private struct Grant: Equatable {
    var subscription: String?
    var grant: StoredPeriodGrant
  }

  let state: MemoryBillingStore.State
  private let grants: [String: Grant]
  private let payments: [String: Set<String>]
  private let events: [String: Set<String>]

  init(_ state: MemoryBillingStore.State) {
    self.state = state
    var grants: [String: Grant] = [:]
    for (number, entry) in state.grants {
      var grant = entry.grant
      grant.number = 0
      let name = entry.subscription.map { "\($0) \(grant.periodStart.seconds)" } ?? "\(number)"
      grants[name] = Grant(subscription: entry.subscription, grant: grant)
    }
    self.grants = grants
    payments = state.payments.mapValues(Set.init)
    events = state.events.mapValues { Set([$0.outcome.status] + $0.trail.waitsFor) }
  }

  static func == (left: Footprint, right: Footprint) -> Bool {
    left.state.subscriptions == right.state.subscriptions && left.grants == right.grants
      && left.events == right.events && left.state.accounts == right.state.accounts
      && left.state.paidInvoices == right.state.paidInvoices && left.payments == right.payments
      && left.state.topUps == right.state.topUps
      && left.state.invoices.mapValues(\.summary) == right.state.invoices.mapValues(\.summary)
  }
}
