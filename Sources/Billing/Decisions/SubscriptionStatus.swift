import Gate

/// What Stripe's words for a subscription's status mean here.
/// Source: https://docs.stripe.com/api/subscriptions/object#subscription_object-status
enum SubscriptionStatus {
  static let active = "active"
  static let trialing = "trialing"
  static let pastDue = "past_due"
  static let canceled = "canceled"
  static let incomplete = "incomplete"
  static let paused = "paused"

  /// Final for that subscription id, whatever still arrives about it.
  static func isTerminal(_ status: String) -> Bool {
    status == canceled || status == "incomplete_expired"
  }

  /// The subscription carries its plan. Of `past_due` the gate itself counts the grace. A word that Stripe
  /// made up since is no reason to take anything away or to give it: it carries no plan.
  static func isLive(_ status: String, _ catalog: Catalog) -> Bool {
    switch status {
    case active, trialing, pastDue: true
    case incomplete: catalog.incompleteGrantsAccess
    default: false
    }
  }

  /// It is in this state because its latest invoice is unpaid; once that invoice is known to be paid, the
  /// word is an old one.
  static func isOfUnpaidInvoice(_ status: String) -> Bool {
    status == pastDue || status == "unpaid" || status == incomplete
  }
}
