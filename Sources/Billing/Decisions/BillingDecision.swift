package import Gate

/// What an event leads to: writes, and how the event is stored.
package struct BillingDecision: Sendable, Equatable {
  /// In the order they are performed; none when nothing changes.
  package var actions: [BillingAction]
  /// As what the event is stored.
  package var outcome: WebhookOutcome
  /// Somebody has paid for a price that means nothing here: an operator has to map it.
  package var isAlarming = false

  /// Makes a decision.
  package init(_ outcome: WebhookOutcome, actions: [BillingAction] = []) {
    self.outcome = outcome
    self.actions = actions
  }

  static func ignored(_ reason: String) -> BillingDecision { BillingDecision(.ignored(reason)) }
  static func unmatched(_ reason: String) -> BillingDecision { BillingDecision(.unmatched(reason)) }
  static let noOwner = unmatched("no user or tenant fits")

  static func unknownPrice(_ prices: [String]) -> BillingDecision {
    var decision = unmatched(
      "no plan for price \(prices.isEmpty ? "(none)" : prices.sorted().joined(separator: ", "))")
    decision.isAlarming = true
    return decision
  }
}
