import Gate
import StripeFake

/// Whether the payloads of a history say by themselves, in whatever order they come, where it ends. Worked out
/// from what was told alone.
///
/// Across periods they always do: the later period wins, what has ended has ended, a payment counts once. Two
/// objects of one subscription and one period can only be ordered by what they say, for they bear the same period,
/// and `created` is no order. So of the last period of a subscription that still lives, this must hold:
///
/// - All its objects agree on the scheduled end and on the seats (and so does the paid invoice's line): to set one
///   and take it back leaves two objects of which nothing says which one came last.
/// - They agree on the plan, or differ only so that the highest counts in any order: not where a plan is left at
///   once (`downgrade: now`).
/// - They agree on the status, once those are left out that an invoice's payment has made old (`incomplete`,
///   `past_due`, `unpaid`, for an invoice of which it is told that it was paid).
/// - While it is not paid yet, or has no budget, the one in force is that of the period that was paid last: all
///   objects and lines of that one agree on plan and seats. One that comes after the next period was seen is an old
///   word.
struct Decidability {
  /// What they leave open.
  enum Doubt: String, CaseIterable { case scheduledEnd, seats, plan, status, unpaidRenewal }

  private(set) var doubts: Set<Doubt> = []
  var isDecided: Bool { doubts.isEmpty }

  init(_ history: History) {
    for told in Told.all(history) where !told.objects.contains(where: \.isOver) { check(told) }
  }

  private mutating func check(_ told: Told) {
    guard let last = told.lastPeriod else { return }
    let current = told.objects.filter { $0.periodStart == last }
    if !agree(current.map(\.cancelAtPeriodEnd)) || !agree(current.map(\.cancelAt))
      || !agree(current.map(\.trialEnd))
    {
      doubts.insert(.scheduledEnd)
    }
    if !agree(told.seats(in: last)) { doubts.insert(.seats) }
    let plans = told.plans(in: last)
    if !agree(plans.map(\.name)), plans.contains(where: { $0.budget.downgrade == .now }) {
      doubts.insert(.plan)
    }
    let owed: Set<StripeAccount.Subscription.Status> = [.incomplete, .pastDue, .unpaid]
    let words = current.filter { !(owed.contains($0.status) && told.isPaid($0.latestInvoice)) }
    if !agree(words.map(\.status)) { doubts.insert(.status) }
    if let paid = told.lastGrantedPeriod, paid != last,
      !agree(told.plans(in: paid).map(\.name)) || !agree(told.seats(in: paid))
    {
      doubts.insert(.unpaidRenewal)
    }
  }

  private func agree<Value: Hashable>(_ values: [Value]) -> Bool { Set(values).count <= 1 }
}

/// What a history's events tell of one subscription, in the order in which it happened.
struct Told {
  var id: String
  var objects: [StripeAccount.Subscription] = []
  /// Lines for a period, no prorations, of paid invoices.
  var lines: [StripeAccount.Invoice.Line] = []
  private var paid: Set<String> = []

  private init(id: String) { self.id = id }

  static func all(_ history: History) -> [Told] {
    var told: [String: Told] = [:]
    for happening in history.happenings {
      switch happening.event.object {
      case .subscription(let object) where happening.event.type.hasPrefix("customer.subscription."):
        told[object.id, default: Told(id: object.id)].objects.append(object)
      case .invoice(let invoice) where invoice.status == .paid:
        let id = invoice.subscription
        told[id, default: Told(id: id)].paid.insert(invoice.id)
        told[id, default: Told(id: id)].lines += invoice.lines.filter { !$0.isProration }
      default: break
      }
    }
    return told.values.sorted { $0.id < $1.id }
  }

  func isPaid(_ invoice: String?) -> Bool { invoice.map { paid.contains($0) } ?? false }
  var lastPeriod: Int64? { (objects.map(\.periodStart) + lines.map(\.periodStart)).max() }
  /// Starts of the periods that were paid and have a budget of their own: a plan whose budget goes by the calendar
  /// leaves the one before it as it is.
  var grantedPeriods: Set<Int64> {
    Set(lines.filter { Shop.plan(of: $0.price)?.budget.period == .subscription }.map(\.periodStart))
  }
  var lastGrantedPeriod: Int64? { grantedPeriods.max() }

  func seats(in period: Int64) -> [Int64] {
    objects.filter { $0.periodStart == period }.map { $0.items.reduce(0) { $0 + $1.quantity } }
      + lines.filter { $0.periodStart == period }.map(\.quantity)
  }

  func plans(in period: Int64) -> [Plan] {
    objects.filter { $0.periodStart == period }.compactMap { $0.price.flatMap(Shop.plan) }
      + lines.filter { $0.periodStart == period }.compactMap { Shop.plan(of: $0.price) }
  }
}
