/// An account with what has to be known to find it in Redis.
package struct AccountPlace: Sendable, Hashable {
  package var account: AccountID
  /// The tenant that a user belongs to.
  package var tenant: String?
  package init(_ account: AccountID, tenant: String? = nil) {
    self.account = account
    self.tenant = tenant
  }
}

/// What a reconciliation found out about one account.
package struct AccountFinding: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    /// Redis, the books and the entries agree.
    case clean
    /// The books agree with their entries; Redis doesn't have the account just now.
    case unloaded
    /// They differ, and were left so.
    case drifted
    /// They differed, and agree now.
    case mended
    /// It could not be found out: a store was out of reach, or the books far behind.
    case unchecked
  }
  package var account: AccountID
  package var state: State
  /// As they were found, mended or not.
  package var differences: [Difference]
  /// Why it is unchecked, for operators.
  package var reason: String?

  package init(_ account: AccountID, _ state: State, differences: [Difference] = [], reason: String? = nil) {
    self.account = account
    self.state = state
    self.differences = differences
    self.reason = reason
  }
}

/// What a reconciliation of some or all accounts came to.
package struct ReconcileReport: Sendable, Equatable {
  /// How many accounts were found in each state.
  package private(set) var counts: [AccountFinding.State: Int] = [:]
  /// Those that are neither clean nor unloaded; at most ``itemsMax`` of them.
  package private(set) var items: [AccountFinding] = []
  /// The last account that was looked at, to go on after; nil when there are no more.
  package var after: AccountID?

  package static let itemsMax = 1_000

  package init() {}

  package mutating func add(_ findings: [AccountFinding]) {
    for finding in findings {
      counts[finding.state, default: 0] += 1
      if finding.state != .clean, finding.state != .unloaded, items.count < ReconcileReport.itemsMax {
        items.append(finding)
      }
    }
  }

  package func count(_ state: AccountFinding.State) -> Int { counts[state] ?? 0 }
  /// Accounts that were looked at.
  package var accounts: Int { counts.values.reduce(0, +) }
}
