import Billing
import Gate

/// What an event comes to, however its payload is written: what it asks for first, and what it changes then.
/// What is only kept for the record is left out, for the shapes tell of different payments.
struct Meaning: Equatable {
  var subscription: String?
  var prices: [String]
  var invoices: [String]
  var owner: [OwnerClue]
  var outcome: WebhookOutcome
  var changes: [BillingAction]

  /// Of an account without anything, at `now`.
  init(_ event: StripeEvent, for account: AccountID, now: Instant) {
    let billing = BillingEvent(event, isLive: nil)
    let question = billing.question
    subscription = question.subscription
    prices = question.prices
    invoices = question.invoices
    // An expanded customer has an email that an id has not, and an expanded charge of a dispute its customer.
    owner = question.owner.filter { clue in
      switch clue {
      case .email: false
      case .customer: question.payments.isEmpty
      default: true
      }
    }
    let decision = Meaning.decision(billing, for: account, now: now)
    outcome = decision.outcome
    changes = decision.actions.filter { !$0.isForTheRecord }
  }

  static func decision(_ event: BillingEvent, for account: AccountID, now: Instant) -> BillingDecision {
    BillingDecider(catalog: Shop.catalog).decide(
      event,
      facts: BillingFacts(
        owner: BillingAccount(account: account), plans: Shop.plansByPrice,
        purchases: [.init(source: "invoice", reference: "in_1", account: account)]),
      now: now)
  }
}
