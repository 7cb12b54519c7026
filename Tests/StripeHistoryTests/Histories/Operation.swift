/// One thing that somebody, or the clock, does at Stripe.
enum Operation: String, CaseIterable, Sendable {
  case signUp, signUpWithTrial, secondSubscription, firstPaymentFails, delayedSignUp
  case renewal, wait
  case upgrade, downgrade, changeInterval, changeSeats, endTrialEarly, extendTrial
  case failedRenewal, dunning, recovery, paidOutOfBand, voided, uncollectible
  case cancelNow, cancelAtEnd, cancelOnDate, reactivation
  case pauseCollection, resumeCollection
  case refund, partialRefund, dispute
  case pack, delayedPack, freePack

  /// How often it is tried, beside the others.
  var weight: Int {
    switch self {
    case .renewal: 9
    case .signUp: 7
    case .upgrade, .downgrade, .failedRenewal, .recovery, .changeSeats, .signUpWithTrial: 5
    case .wait, .changeInterval, .cancelNow, .cancelAtEnd, .reactivation, .refund, .pack: 4
    case .dispute, .dunning, .secondSubscription, .cancelOnDate, .delayedSignUp, .firstPaymentFails: 3
    default: 2
    }
  }

  static let byWeight: [Operation] = allCases.flatMap { Array(repeating: $0, count: $0.weight) }
}
