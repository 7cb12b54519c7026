import BillingStores
import Gate

/// Where a store ended: what a user can feel, as one line for each thing, so that stores and the truth can be
/// compared and a difference can be read. Ids of rows and times of day are left out.
struct EndState: Equatable {
  var lines: Set<String>

  /// What is in the one and not in the other.
  func difference(to other: EndState, _ name: String, _ otherName: String) -> String {
    (lines.subtracting(other.lines).sorted().map { "only \(name): \($0)" }
      + other.lines.subtracting(lines).sorted().map { "only \(otherName): \($0)" }).joined(separator: "\n")
  }

  func differs(from other: EndState, asIn lines: Set<String>) -> Bool {
    !self.lines.symmetricDifference(other.lines).isDisjoint(with: lines)
  }

  func keeping(_ fits: (String) -> Bool) -> EndState { EndState(lines: lines.filter(fits)) }

  // The lines, the same for every source.

  static func account(_ account: AccountID, plan: String?) -> String {
    "account \(account) plan=\(plan ?? "-")"
  }

  static func subscription(_ row: StoredSubscription, isOwing: Bool) -> String {
    let head = "subscription \(row.id) of \(row.account?.description ?? "-") \(row.status)"
    // What has ended has nothing else to say.
    if row.status == "canceled" || row.status == "incomplete_expired" { return head }
    func text(_ time: Instant?) -> String { time.map { String($0.seconds) } ?? "-" }
    return head
      + " plan=\(row.plan ?? "-") price=\(row.price ?? "-") seats=\(row.seats)"
      + " period=\(text(row.currentPeriodStart))-\(text(row.currentPeriodEnd))"
      + " cancel=\(row.cancelAtPeriodEnd)/\(text(row.cancelAt)) trial=\(text(row.trialEnd))"
      + (isOwing ? " owing" : "")
  }

  /// `word`: live, or waiting for the subscription to speak or to be paid again.
  static func grant(_ word: String, _ subscription: String, _ grant: StoredPeriodGrant) -> String {
    "grant \(word) \(grant.account) \(subscription) tokens=\(grant.tokens) trial=\(grant.isTrial)"
      + " period=\(grant.periodStart.seconds)-\(grant.periodEnd?.seconds ?? 0) invoice=\(grant.invoice ?? "-")"
  }

  static func topUp(_ session: String, _ account: AccountID, tokens: Int64) -> String {
    "topup \(session) \(account) tokens=\(tokens)"
  }

  static func invoice(_ id: String, _ account: AccountID, status: String?, paid: Int64) -> String {
    "invoice \(id) of \(account) \(status ?? "-") paid=\(paid)"
  }

  /// Of what was not bought nothing is kept but a line in the audit log, and that only where the buyer is known.
  static func event(_ id: String, _ type: String, _ status: String) -> String {
    let isAbandoned = type == "checkout.session.expired" || type == "checkout.session.async_payment_failed"
    return "event \(id) \(type) \(isAbandoned && status == "ignored" ? "processed" : status)"
  }

  /// Of the grants of a subscription the latest one that is not over at `now`, if it is live or may be again.
  static func latest(_ grants: [StoredPeriodGrant], of subscription: StoredSubscription, now: Instant)
    -> String?
  {
    guard let grant = grants.max(by: { $0.periodStart < $1.periodStart }),
      grant.expiresAt.map({ $0 > now }) ?? true
    else { return nil }
    let isOver = subscription.status == "canceled" || subscription.status == "incomplete_expired"
    switch grant.revocation {
    case nil: return self.grant("live", subscription.id, grant)
    case .suspended where !isOver: return self.grant("waiting", subscription.id, grant)
    default: return nil
    }
  }
}

extension EndState {
  init(_ state: MemoryBillingStore.State, now: Instant) {
    var lines: [String] = state.accounts.map { EndState.account($0.key, plan: $0.value.plan) }
    for row in state.subscriptions.values {
      lines.append(EndState.subscription(row, isOwing: row.pastDueSince != nil))
      let grants = state.grants.values.filter { $0.subscription == row.id }.map(\.grant)
      if let line = EndState.latest(grants, of: row, now: now) { lines.append(line) }
    }
    for (session, topUp) in state.topUps where !topUp.isRevoked {
      lines.append(EndState.topUp(session, topUp.topUp.account, tokens: topUp.topUp.tokens))
    }
    for (id, record) in state.invoices {
      lines.append(
        EndState.invoice(id, record.account, status: record.summary.status, paid: record.summary.amountPaid))
    }
    for (id, event) in state.events {
      lines.append(EndState.event(id, event.receipt.type, event.outcome.status))
    }
    self.init(lines: Set(lines))
  }
}

extension MemoryBillingStore.State {
  /// How often a budget was reset.
  var resets: Int { grants.count }
}
