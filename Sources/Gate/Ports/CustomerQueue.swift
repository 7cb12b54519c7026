/// A Stripe customer that is to be made for an account. What is sent is the same at every attempt, so that
/// Stripe's idempotency makes one customer of any number of them.
package struct CustomerOrder: Sendable, Equatable {
  /// For whom.
  package var account: AccountID
  /// The user's, as it was at the first attempt.
  package var email: String?
  /// 1; one more for each customer of the account that was deleted at Stripe.
  package var number: Int64
  /// An earlier attempt may have made it, and nobody knows.
  package var isRepeated: Bool

  /// Memberwise.
  package init(account: AccountID, email: String?, number: Int64 = 1, isRepeated: Bool = false) {
    self.account = account
    self.email = email
    self.number = number
    self.isRepeated = isRepeated
  }
}

/// The accounts that have no Stripe customer yet: the rows themselves are the queue, so whoever makes an
/// account puts it in.
package protocol CustomerQueue: Sendable {
  /// Accounts whose turn it is, oldest first, at most `limit`; none of them is given to anyone else for
  /// `leaseSeconds`.
  func claimCustomerOrders(
    limit: Int, leaseSeconds: Int64
  ) async throws(StoreError) -> [CustomerOrder]
  /// The order of one account, for a call that can't wait for its turn. Throws `notFound` without the account.
  func customerOrder(for account: AccountID) async throws(StoreError) -> CustomerOrder
  /// It has its customer: links it, if the account has none, and ends the order. Returns the customer that
  /// the account has now.
  func finishCustomerOrder(
    _ account: AccountID, customer: String
  ) async throws(StoreError) -> String
  /// It failed: to be tried again after so many seconds, doubled with each attempt, at most a day.
  func postponeCustomerOrder(
    _ account: AccountID, seconds: Int64, error: String
  ) async throws(StoreError)
}
