import Gate
import Testing

@testable import GateAPI

/// What a gate allows while its counters are away.
@Suite struct DegradedAllowanceTests {
  private func ask(
    _ allowance: DegradedAllowance, _ user: String, _ tokens: Int64, _ mode: CheckMode = .spend,
    partial: Bool = false, rate: WindowLimit? = nil, at nanoseconds: UInt64 = 0
  ) -> DegradedAllowance.Answer {
    allowance.take(
      .init(tokens: tokens, mode: mode, partial: partial, rate: rate, nanoseconds: nanoseconds), for: user)
  }

  private func tokens(_ answer: DegradedAllowance.Answer) -> Int64? {
    if case .allowed(let tokens, _, _) = answer { tokens } else { nil }
  }

  private func adds(_ budget: Budget) -> Bool {
    budget.limit + budget.debt == budget.used + budget.held + budget.remaining
      && (budget.debt == 0 || budget.remaining == 0)
  }

  @Test func notOneTokenMoreThanIsAllowed() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 10)
    #expect(tokens(ask(allowance, "u", 60)) == 60)
    #expect(ask(allowance, "u", 41) == .exhausted)
    #expect(tokens(ask(allowance, "u", 40, .reserve)) == 40)
    #expect(ask(allowance, "u", 1) == .exhausted)
    #expect(tokens(ask(allowance, "u", 0)) == 0)
    #expect(
      allowance.budget(of: "u") == Budget(limit: 100, used: 60, held: 40, remaining: 0, debt: 0))
    #expect(tokens(ask(allowance, "other", 100)) == 100)
  }

  @Test func manyThreadsShareOneAllowance() async {
    let allowance = DegradedAllowance(tokensPerUser: 1000, usersMax: 10)
    let taken = await withTaskGroup(of: Int64.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<500).reduce(0) { sum, _ in sum + (tokens(ask(allowance, "u", 7)) ?? 0) } }
      }
      return await group.reduce(0, +)
    }
    #expect(taken == 994)
    #expect(allowance.budget(of: "u").used == 994)
  }

  @Test func aPeekTakesNothing() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 1)
    let rate = WindowLimit(count: 1, windowSeconds: 60)
    for _ in 0..<3 { #expect(tokens(ask(allowance, "u", 100, .peek, rate: rate)) == 100) }
    #expect(ask(allowance, "u", 101, .peek) == .exhausted)
    #expect(allowance.userCount == 0)
  }

  @Test func partialTakesWhatIsLeftAndAtLeastOne() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 1)
    #expect(tokens(ask(allowance, "u", 30, partial: true)) == 30)
    #expect(tokens(ask(allowance, "u", 1000, partial: true)) == 70)
    #expect(ask(allowance, "u", 1000, partial: true) == .exhausted)
  }

  @Test func whatIsGivenBackIsThereAgain() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 1)
    let rate = WindowLimit(count: 1, windowSeconds: 60)
    #expect(tokens(ask(allowance, "u", 100, rate: rate, at: 1_000_000_000_000)) == 100)
    allowance.giveBack(100, .spend, rate: rate, for: "u")
    #expect(tokens(ask(allowance, "u", 100, .reserve, rate: rate, at: 1_000_000_000_000)) == 100)
    allowance.giveBack(100, .reserve, rate: rate, for: "u")
    #expect(allowance.budget(of: "u").remaining == 100)
  }

  @Test func usersAreBounded() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 2)
    #expect(tokens(ask(allowance, "a", 1)) == 1)
    #expect(tokens(ask(allowance, "b", 1)) == 1)
    #expect(ask(allowance, "c", 1) == .full)
    #expect(!allowance.hold(1, for: "c"))
    // What was used is told of nobody else, but never refused.
    #expect(allowance.report(5, for: "c").used == 5)
    #expect(allowance.userCount == 2)
  }

  @Test func theRequestRateIsKept() {
    let allowance = DegradedAllowance(tokensPerUser: 1000, usersMax: 1)
    let rate = WindowLimit(count: 60, windowSeconds: 60, burst: 3)
    let start: UInt64 = 5_000_000_000
    for left in [Int64(2), 1, 0] {
      guard case .allowed(_, _, let requestsLeft) = ask(allowance, "u", 1, rate: rate, at: start) else {
        Issue.record("refused with \(left + 1) left")
        return
      }
      #expect(requestsLeft == left)
    }
    guard case .requestRate(let wait, let budget) = ask(allowance, "u", 1, rate: rate, at: start) else {
      Issue.record("a fourth request in a burst of three")
      return
    }
    #expect(wait == 1000)
    #expect(budget.used == 3)
    #expect(tokens(ask(allowance, "u", 1, rate: rate, at: start + 999_000_000)) == nil)
    #expect(tokens(ask(allowance, "u", 1, rate: rate, at: start + 1_000_000_000)) == 1)
  }

  @Test func reportedUseMayGoBeyondAndAddsUp() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 1)
    let budget = allowance.report(250, for: "u")
    #expect(budget.debt == 150)
    #expect(adds(budget))
    #expect(ask(allowance, "u", 1) == .exhausted)
  }

  @Test func aSettledReservationCountsAsWhatWasUsed() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 1)
    #expect(tokens(ask(allowance, "u", 80, .reserve)) == 80)
    allowance.keep(for: "u")
    #expect(!allowance.hold(21, for: "u"))
    #expect(allowance.hold(20, for: "u"))
    let budget = allowance.settle(held: 100, used: 30, for: "u")
    #expect(budget == Budget(limit: 100, used: 30, held: 0, remaining: 70, debt: 0))
  }

  /// Forgetting a user while an answer of theirs is being written down would give the allowance away twice.
  @Test func nobodyIsForgottenWhileSomethingIsUnderWay() {
    let allowance = DegradedAllowance(tokensPerUser: 100, usersMax: 10)
    #expect(tokens(ask(allowance, "u", 60)) == 60)
    #expect(allowance.settledUsers().isEmpty)
    allowance.keep(for: "u")
    let settled = allowance.settledUsers()
    #expect(settled.keys.sorted() == ["u"])
    #expect(tokens(ask(allowance, "u", 40)) == 40)
    allowance.keep(for: "u")
    allowance.forget(settled)
    #expect(ask(allowance, "u", 1) == .exhausted, "it was changed since, and stays")
    allowance.forget(allowance.settledUsers())
    #expect(allowance.userCount == 0)
    #expect(tokens(ask(allowance, "u", 100)) == 100)
  }
}
