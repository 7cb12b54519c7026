import Billing
import BillingStores
import Gate
import StripeFake

/// How often budgets were reset, against the periods that were paid.
struct Resets {
  /// A period of a subscription, by its start.
  struct Period: Hashable, CustomStringConvertible {
    var subscription: String
    var start: Int64
    var description: String { "\(subscription) from \(start)" }
  }

  private let history: History
  private let paid: Set<Period>

  init(_ history: History) {
    self.history = history
    paid = Set(
      Told.all(history).flatMap { told in
        told.grantedPeriods.map { Period(subscription: told.id, start: $0) }
      })
  }

  /// What is wrong with the resets that an order of letters led to; nil: nothing. Never two for one period, never
  /// one for a period that was not paid; and all of them, but for those that came too late: after the payment of a
  /// later period, or after the end of the subscription was known.
  func fault(_ state: MemoryBillingStore.State, after order: [Letter], isAsking: Bool) -> String? {
    let made = state.grants.values.map {
      Period(subscription: $0.subscription ?? "-", start: $0.grant.periodStart.seconds)
    }
    if Set(made).count < made.count { return "a period was reset twice: \(made)" }
    let strange = Set(made).subtracting(paid)
    if !strange.isEmpty { return "reset, but never paid: \(strange)" }
    for missing in paid.subtracting(made) where !mayBeMissing(missing, order, isAsking) {
      return "paid, but not reset: \(missing)"
    }
    return nil
  }

  private func mayBeMissing(_ period: Period, _ order: [Letter], _ isAsking: Bool) -> Bool {
    let customer = history.account.subscriptions[period.subscription]?.customer
    let isKnown = history.buyer(of: customer).map { $0.isLinked || $0.clue == .metadata } ?? false
    // Of a buyer who is not known from the start, the payment may have waited for the clue.
    let payment = order.firstIndex { isPayment($0, of: period.subscription) { $0 == period.start } }
    let before = isKnown ? order.prefix(payment ?? order.count) : order[...]
    return before.contains { letter in
      isPayment(letter, of: period.subscription) { $0 > period.start }
        || isEnd(letter, of: period.subscription, isAsking)
    }
  }

  private func isPayment(_ letter: Letter, of subscription: String, _ fits: (Int64) -> Bool) -> Bool {
    guard case .invoice(let invoice) = letter.happening.event.object, invoice.subscription == subscription,
      letter.event.type == "invoice.paid" || letter.event.type == "invoice.payment_succeeded"
    else { return false }
    return invoice.lines.contains { !$0.isProration && fits($0.periodStart) }
  }

  /// Whoever asks learns of the end by any word about the subscription.
  private func isEnd(_ letter: Letter, of id: String, _ isAsking: Bool) -> Bool {
    switch letter.happening.event.object {
    case .subscription(let object) where object.id == id:
      object.isOver || isAsking && history.account.subscriptions[id]?.isOver == true
    case .invoice(let invoice) where invoice.subscription == id:
      isAsking && history.account.subscriptions[id]?.isOver == true
    default: false
    }
  }
}
