import Gate
import Synchronization

/// Principals and keys by hash.
final class PrincipalsFake: PrincipalStore, Sendable {
  struct State {
    var byHash: [TokenHash: Principal] = [:]
    var byUser: [String: Principal] = [:]
    var keys: [TokenHash: APIKey] = [:]
    var snapshots: [AccountID: AccountSnapshot] = [:]
  }
  private let state = Mutex(State())

  func with<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.withLock { state in body(&state) }
  }
  func principals(tokenHashes: [TokenHash]) async throws(StoreError) -> [Principal?] {
    with { state in tokenHashes.map { state.byHash[$0] } }
  }
  func principal(user: String) async throws(StoreError) -> Principal? { with { $0.byUser[user] } }
  func apiKey(hash: TokenHash) async throws(StoreError) -> APIKey? { with { $0.keys[hash] } }
  func snapshot(of account: AccountID) async throws(StoreError) -> AccountSnapshot? {
    with { $0.snapshots[account] }
  }
  func hold(id: String) async throws(StoreError) -> HoldRecord? { nil }
  func markUsed(tokens: [TokenHash]) async throws(StoreError) {}
}

/// Notes what was applied; away when told so.
final class OutboxFake: OutboxApplying, Sendable {
  let applied = Mutex<[AccountID]>([])
  let isAway = Mutex(false)

  func apply(_ account: AccountID) async throws(StoreError) {
    guard !isAway.withLock({ $0 }) else { throw .unavailable("redis://secret@host") }
    applied.withLock { $0.append(account) }
  }
}

/// One report for every user but `u_none`.
struct BudgetsFake: BudgetReading {
  func report(user: String) async throws(StoreError) -> BudgetReport? {
    guard user != "u_none" else { return nil }
    let grant = BudgetReport.LiveGrant(
      reference: .init(.granted, 1), kind: .period, tokens: 100, remaining: 60, expiresAt: nil)
    return BudgetReport(
      user: user, tenant: nil, plan: "pro", status: "active",
      budget: Budget(limit: 100, used: 30, held: 10, remaining: 60), grants: [grant],
      rates: [("requests", RateState(limit: 60, windowSeconds: 60, remaining: 59))])
  }
  func report(tenant: String) async throws(StoreError) -> BudgetReport? {
    BudgetReport(user: nil, tenant: tenant, plan: "team", status: "active", budget: Budget())
  }
}

/// Every period is from 0 to a fixed end.
struct CalendarFake: PeriodCalendar {
  static let end = Instant(seconds: 1_791_000_000)
  func bounds(
    of period: BudgetRule.Period, timeZone: String, at instant: Instant
  ) -> (start: Instant, end: Instant?) {
    period == .none ? (Instant(seconds: 0), nil) : (Instant(seconds: 0), CalendarFake.end)
  }
}
