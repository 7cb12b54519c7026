import Gate
import StripeFake

/// What happened at Stripe between one sign-up and some later day, made of a seed.
struct History: Sendable {
  /// One operation and the account after it.
  struct Moment: Sendable {
    var operation: Operation
    var account: StripeAccount
  }

  /// An event that billing acts on, or one of the others.
  struct Happening: Sendable {
    var event: StripeEventRecord
    /// Index of the operation that it came of.
    var moment: Int
  }

  var seed: UInt64
  var buyers: [Buyer]
  /// The first one is the account before anything happened.
  var moments: [Moment]
  /// In the order in which they happened.
  var happenings: [Happening]

  var account: StripeAccount { moments[moments.count - 1].account }
  /// Now, for what is delivered when all has happened: a minute later.
  var end: Int64 { account.now + 60 }

  /// The same history, as far as these of its events tell of it.
  func keeping(_ events: [Happening]) -> History {
    var history = self
    history.happenings = events
    return history
  }

  /// The history up to its n-th operation.
  func upTo(_ count: Int) -> History {
    var history = self
    history.moments = Array(moments.prefix(count + 1))
    history.happenings = happenings.filter { $0.moment <= count }
    return history
  }

  func buyer(of customer: String?) -> Buyer? {
    buyers.first { $0.customer != nil && $0.customer == customer }
  }

  var summary: String {
    "seed \(seed): "
      + buyers.map { "\($0.account) by \($0.clue)" }.joined(separator: ", ") + "; "
      + moments.dropFirst().map(\.operation.rawValue).joined(separator: ", ")
  }
}
