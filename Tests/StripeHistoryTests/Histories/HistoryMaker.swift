import Billing
import Gate
import StripeFake

/// Does random things to an account at Stripe, and writes down what comes of them.
struct HistoryMaker {
  var account: StripeAccount
  var buyers: [Buyer]
  var random: SplitMix
  private var moments: [History.Moment] = []
  private var happenings: [History.Happening] = []
  private let seed: UInt64

  private init(seed: UInt64) {
    self.seed = seed
    random = SplitMix(seed: seed)
    var settings = StripeAccount.Settings()
    settings.dunningEnd = random.pick([.cancel, .unpaid, .pastDue]) ?? .cancel
    account = Shop.open(seed: seed, settings: settings)
    let accounts: [AccountID] =
      random.pick([[.user("u1")], [.user("u1")], [.tenant("t1")], [.user("u1"), .tenant("t1")]]) ?? []
    buyers = []
    for id in accounts {
      // A tenant has no email to be found by.
      let clues = Buyer.Clue.allCases.filter { id.kind == .user || $0 != .email }
      var buyer = Buyer(account: id, clue: random.pick(clues) ?? .metadata)
      if buyer.isLinked { buyer.customer = account.makeCustomer() }
      buyers.append(buyer)
    }
    // What made the customers is over.
    _ = account.takeEvents()
    moments = [History.Moment(operation: .wait, account: account)]
  }

  /// A history of so many operations, fewer where nothing more can happen.
  static func make(seed: UInt64, operations count: Int) -> History {
    var maker = HistoryMaker(seed: seed)
    maker.take(.signUp)
    var attempts = 0
    while maker.moments.count <= count, attempts < 50 * count {
      attempts += 1
      maker.take(maker.random.pick(Operation.byWeight) ?? .wait)
    }
    return History(
      seed: seed, buyers: maker.buyers, moments: maker.moments, happenings: maker.happenings)
  }

  /// One operation, if it is possible now and leads to an event that matters.
  private mutating func take(_ operation: Operation) {
    var attempt = self
    // No two things happen in one second.
    attempt.account.advance(seconds: Int64.random(in: 1...600, using: &attempt.random))
    do {
      guard try attempt.perform(operation) else { return }
    } catch {
      return
    }
    let events = attempt.account.takeEvents()
    guard events.contains(where: { Happenings.matters($0.type) }) else { return }
    // The others are known to do nothing: a few of them go along.
    let kept = events.filter { Happenings.matters($0.type) || attempt.random.chance(4) }
    attempt.happenings += kept.map { History.Happening(event: $0, moment: attempt.moments.count) }
    attempt.moments.append(History.Moment(operation: operation, account: attempt.account))
    self = attempt
  }
}

/// Which types of event billing acts on.
enum Happenings {
  static let types: Set<String> = [
    "checkout.session.completed", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "checkout.session.expired", "customer.created",
    "customer.updated", "customer.deleted", "customer.subscription.created", "customer.subscription.updated",
    "customer.subscription.deleted", "customer.subscription.paused", "customer.subscription.resumed",
    "customer.subscription.trial_will_end", "invoice.paid", "invoice.payment_succeeded",
    "invoice.payment_failed", "invoice.payment_action_required", "invoice.voided",
    "invoice.marked_uncollectible", "invoice_payment.paid", "charge.refunded", "charge.dispute.created",
  ]
  static func matters(_ type: String) -> Bool { types.contains(type) }
}
