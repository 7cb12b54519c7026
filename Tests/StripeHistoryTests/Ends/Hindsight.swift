import Gate
import StripeFake

/// What can be known of a history by asking Stripe after it is over. The state can, always; but not what a
/// subscription was for a while within a period: an upgrade counts at once and a lower plan, or fewer seats, from
/// the next period on, so a plan that was had and left in one period is still in force, and no answer tells of it.
/// Of such subscriptions plan and budget are not compared.
struct Hindsight {
  /// Subscriptions of which plan and tokens depend on when Stripe was asked.
  private(set) var blurred: Set<String> = []
  private var accounts: Set<String> = []

  init(_ history: History) {
    for told in Told.all(history) {
      guard let last = told.lastPeriod, let object = history.account.subscriptions[told.id], !object.isOver
      else { continue }
      let paid = told.lastGrantedPeriod ?? last
      let seats = object.items.reduce(0) { $0 + $1.quantity }
      let rank = object.price.flatMap(Shop.plan)?.rank ?? 0
      let isHighest =
        told.plans(in: last).allSatisfy { $0.rank <= rank } && told.seats(in: last).allSatisfy { $0 <= seats }
      let isSame = [last, paid].allSatisfy {
        Set(told.plans(in: $0).map(\.name)).count <= 1 && Set(told.seats(in: $0)).count <= 1
      }
      if isSame || (isHighest && paid == last) { continue }
      blurred.insert(told.id)
      if let buyer = history.buyer(of: object.customer) { accounts.insert(buyer.account.description) }
    }
  }

  /// Without what can't be known.
  func view(_ end: EndState) -> EndState {
    EndState(
      lines: Set(
        end.lines.map { line in
          if accounts.contains(where: {
            line.hasPrefix("account \($0) ") || line.hasPrefix("grant") && line.contains(" \($0) ")
          }) {
            return line.split(separator: " ").prefix(2).joined(separator: " ")
          }
          guard line.hasPrefix("subscription"), blurred.contains(where: { line.contains($0) }) else {
            return line
          }
          return line.split(separator: " ").filter { !$0.hasPrefix("plan=") && !$0.hasPrefix("price=") }
            .joined(separator: " ")
        }))
  }
}
