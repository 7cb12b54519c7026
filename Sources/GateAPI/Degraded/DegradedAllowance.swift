internal import Gate
internal import Synchronization

/// What each user was allowed by this gate while the counters were away and has not been charged for yet: all
/// loops share it, so that together they never allow more than the operator said. Nothing of it is touched while
/// the counters answer. Every call costs the same, however many users there are.
package final class DegradedAllowance: Sendable {
  /// What came of a request for tokens.
  enum Answer: Equatable {
    /// How many were taken, what the allowance is now, and how many requests of the rate are left.
    case allowed(tokens: Int64, Budget, requestsLeft: Int64?)
    /// When a request may come again.
    case requestRate(retryAfterMilliseconds: Int64, Budget)
    /// Less is left than was asked.
    case exhausted
    /// As many users are kept count of as there may be.
    case full
  }

  /// What is asked for.
  struct Request {
    var tokens: Int64
    var mode: CheckMode
    /// Take what is left instead of nothing.
    var partial = false
    /// The plan's request rate, as far as this gate alone can enforce it; nil: none.
    var rate: WindowLimit?
    /// A clock that never goes back.
    var nanoseconds: UInt64
  }

  private struct Account {
    var spent: Int64 = 0
    var held: Int64 = 0
    /// Theoretical arrival time of the request rate (GCRA), nanoseconds.
    var arrival: UInt64 = 0
    /// Answers that are being written down: what they took is in no store yet.
    var underWay = 0
    /// Goes up with each change.
    var changes: UInt64 = 0
  }

  private let tokensPerUser: Int64
  private let usersMax: Int
  private let accounts = Mutex<[String: Account]>([:])

  /// `tokensPerUser`: 0 to 10¹⁵−1. `usersMax`: at least 1.
  package init(tokensPerUser: Int64, usersMax: Int) {
    self.tokensPerUser = tokensPerUser
    self.usersMax = usersMax
  }

  /// Takes tokens, all of them or (partial) what is left, or none. What was taken is to be kept or given back
  /// once. A peek takes nothing, and has nothing to give back.
  func take(_ request: Request, for user: String) -> Answer {
    accounts.withLock { accounts in
      var account = accounts[user] ?? Account()
      guard accounts[user] != nil || accounts.count < usersMax else { return .full }
      let rate = GCRA(request.rate, arrival: account.arrival, now: request.nanoseconds)
      guard rate.isAllowed else {
        return .requestRate(retryAfterMilliseconds: rate.retryAfterMilliseconds, budget(account))
      }
      let left = max(0, tokensPerUser - account.spent - account.held)
      let tokens = request.partial ? min(request.tokens, max(left, 1)) : request.tokens
      guard tokens <= left else { return .exhausted }
      guard request.mode != .peek else {
        return .allowed(tokens: tokens, budget(account), requestsLeft: rate.leftBefore)
      }
      if request.mode == .reserve { account.held += tokens } else { account.spent += tokens }
      account.arrival = rate.arrival
      account.underWay += 1
      account.changes &+= 1
      accounts[user] = account
      return .allowed(tokens: tokens, budget(account), requestsLeft: rate.left)
    }
  }

  /// Counts what was used already: never refused, though it be more than is left. To be kept or given back as well.
  func report(_ tokens: Int64, for user: String) -> Budget {
    accounts.withLock { accounts in
      var account = accounts[user] ?? Account()
      account.spent = min(account.spent + tokens, Limits.tokensMax)
      account.underWay += 1
      account.changes &+= 1
      if accounts[user] != nil || accounts.count < usersMax { accounts[user] = account }
      return budget(account)
    }
  }

  /// What was taken is written down.
  func keep(for user: String) {
    change(user) { $0.underWay -= 1 }
  }

  /// What was taken was not needed.
  func giveBack(_ tokens: Int64, _ mode: CheckMode, rate: WindowLimit?, for user: String) {
    change(user) { account in
      account.underWay -= 1
      if mode == .reserve { account.held -= tokens } else { account.spent -= tokens }
      if let rate { account.arrival -= min(account.arrival, GCRA.interval(rate)) }
    }
  }

  /// A reservation of this gate was resolved: what it held becomes what was used.
  func settle(held: Int64, used: Int64, for user: String) -> Budget {
    change(user) { account in
      account.held = max(0, account.held - held)
      account.spent = min(account.spent + used, Limits.tokensMax)
    }
    return budget(of: user)
  }

  /// A reservation came to hold more or less than was counted.
  func correct(held: Int64, for user: String) {
    change(user) { $0.held = max(0, $0.held + held) }
  }

  /// Holds more; false when less is left.
  func hold(_ more: Int64, for user: String) -> Bool {
    accounts.withLock { accounts in
      guard accounts[user] != nil || accounts.count < usersMax else { return false }
      var account = accounts[user] ?? Account()
      guard more <= max(0, tokensPerUser - account.spent - account.held) else { return false }
      account.held += more
      account.changes &+= 1
      accounts[user] = account
      return true
    }
  }

  func budget(of user: String) -> Budget { accounts.withLock { budget($0[user] ?? Account()) } }

  private func change(_ user: String, _ body: (inout Account) -> Void) {
    accounts.withLock { accounts in
      guard var account = accounts[user] else { return }
      body(&account)
      account.changes &+= 1
      accounts[user] = account
    }
  }

  /// `limit + debt = used + held + remaining`, as of every budget.
  private func budget(_ account: Account) -> Budget {
    let taken = account.spent + account.held
    return Budget(
      limit: tokensPerUser, used: account.spent, held: account.held, remaining: max(0, tokensPerUser - taken),
      debt: max(0, taken - tokensPerUser))
  }

  // MARK: When the counters are back

  /// Users with nothing under way, and the state that they are in. Whoever owes nothing any more, and is in the
  /// same state still, is then forgotten.
  package func settledUsers() -> [String: UInt64] {
    accounts.withLock { accounts in
      accounts.filter { $0.value.underWay == 0 }.mapValues(\.changes)
    }
  }

  /// Their allowance is whole again.
  package func forget(_ users: [String: UInt64]) {
    accounts.withLock { accounts in
      for (user, changes) in users where accounts[user]?.changes == changes { accounts[user] = nil }
    }
  }

  /// Users that are kept count of.
  package var userCount: Int { accounts.withLock(\.count) }
}

/// One request of a rate limit (GCRA, as `lua/check.lua` has it), on the gate's own clock.
private struct GCRA {
  let isAllowed: Bool
  /// The arrival time to keep if it is taken.
  let arrival: UInt64
  let retryAfterMilliseconds: Int64
  /// Requests left after this one, and before it; nil without a limit.
  let left: Int64?
  let leftBefore: Int64?

  static func interval(_ limit: WindowLimit) -> UInt64 {
    max(1, UInt64(limit.windowSeconds) * 1_000_000_000 / UInt64(max(1, limit.count)))
  }

  init(_ limit: WindowLimit?, arrival before: UInt64, now: UInt64) {
    guard let limit else {
      (isAllowed, arrival, retryAfterMilliseconds, left, leftBefore) = (true, before, 0, nil, nil)
      return
    }
    let interval = GCRA.interval(limit)
    let (burst, overflow) = interval.multipliedReportingOverflow(by: UInt64(max(1, limit.burst)))
    let room = overflow ? UInt64.max / 4 : min(burst, UInt64.max / 4)
    let start = max(before, now)
    let next = start + interval
    let ahead = next - now
    isAllowed = ahead <= room
    arrival = next
    retryAfterMilliseconds = isAllowed ? 0 : Int64((ahead - room + 999_999) / 1_000_000)
    left = isAllowed ? Int64((room - ahead) / interval) : 0
    leftBefore = Int64((room - min(room, start - now)) / interval)
  }
}
