package import Gate
import Synchronization

/// The reference model of the store: what Postgres must do, in dictionaries. One transaction at a time; one
/// that throws changes nothing.
package final class MemoryBillingStore: BillingStore, CustomerQueue, SyncStore {
  package struct Account: Equatable {
    package var plan: String?
    package var customer: String?
    package var email: String?
    package init(plan: String? = nil, customer: String? = nil, email: String? = nil) {
      self.plan = plan
      self.customer = customer
      self.email = email
    }
  }
  package struct TopUpGrant: Equatable {
    package var topUp: NewTopUp
    package var isRevoked = false
  }
  package struct State: Equatable {
    package var accounts: [AccountID: Account] = [:]
    package var subscriptions: [String: StoredSubscription] = [:]
    package var grants: [Int64: (subscription: String?, grant: StoredPeriodGrant)] = [:]
    package var topUps: [String: TopUpGrant] = [:]
    package var prices: [String: String] = [:]
    package var paidInvoices: Set<String> = []
    package var payments: [String: [String]] = [:]
    package struct Event {
      package var receipt: WebhookReceipt
      package var outcome: WebhookOutcome
      package var trail = WebhookTrail()
    }
    package var events: [String: Event] = [:]
    package var invoices: [String: InvoiceRecord] = [:]
    package var notes: [String] = []
    package var orders: [AccountID: CustomerOrder] = [:]
    package var sync: SyncRun?
    package init() {}

    /// What a user can feel of it: who has which plan and status, and what may be spent.
    package static func == (left: State, right: State) -> Bool { left.view == right.view }
    package var view: [String] {
      accounts.map { "\($0.key) plan=\($0.value.plan ?? "-") customer=\($0.value.customer ?? "-")" }.sorted()
        + subscriptions.values.map {
          "\($0.id) \($0.status) \($0.plan ?? "-") \($0.seats) \($0.currentPeriodStart?.seconds ?? 0) "
            + "\($0.account?.description ?? "-")"
        }.sorted()
        + grants.values.filter { $0.grant.revocation == nil }.map {
          "\($0.grant.account) \($0.grant.tokens) \($0.grant.periodStart.seconds) \($0.grant.isTrial)"
        }.sorted()
        + topUps.values.filter { !$0.isRevoked }.map { "\($0.topUp.account) \($0.topUp.tokens)" }.sorted()
    }
    package var liveGrants: [StoredPeriodGrant] {
      grants.values.map(\.grant).filter { $0.revocation == nil }.sorted { $0.number < $1.number }
    }
  }

  private let state: Mutex<(value: State, commits: Int)>
  /// When a comparison with Stripe begins here.
  package static let syncBeganAt = Instant(seconds: 1_790_003_600)
  private let failures = Mutex<[StoreError]>([])

  /// Starts with what is stored.
  package init(_ state: State) { self.state = Mutex((state, 0)) }

  package var now: State { state.withLock { $0.value } }
  @discardableResult
  package func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
    state.withLock { state in
      state.commits += 1
      return body(&state.value)
    }
  }
  /// The next transaction does its work and then fails to commit.
  package func failNext() { failures.withLock { $0.append(.unavailable("test")) } }

  package func transaction<Result: Sendable>(
    _ body: @Sendable (any BillingTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // As Postgres may: where another has committed meanwhile, the body runs again on what that one wrote.
    while true {
      let (before, commits) = state.withLock { $0 }
      let transaction = MemoryTransaction(state: before)
      let result = try await body(transaction)
      if let failure = failures.withLock({ $0.popLast() }) { throw failure }
      let after = transaction.state.withLock { $0 }
      let isCommitted = state.withLock { state in
        guard state.commits == commits else { return false }
        state = (after, commits + 1)
        return true
      }
      if isCommitted { return result }
    }
  }

  package func recordFailure(_ event: WebhookReceipt, detail: String) async throws(StoreError) {
    change { state in
      if let held = state.events[event.id], held.outcome.status != "failed" { return }
      state.events[event.id] = .init(receipt: event, outcome: .failed(detail))
    }
  }

  package func receipt(_ id: String) async throws(StoreError) -> WebhookReceipt? { now.events[id]?.receipt }

  package func unmatched(waitingFor texts: [String]?, limit: Int) async throws(StoreError) -> [WebhookReceipt]
  {
    let found = now.events.values.filter { event in
      guard case .unmatched = event.outcome else { return false }
      return texts.map { !Set($0).isDisjoint(with: event.trail.waitsFor) } ?? true
    }
    return Array(found.map(\.receipt).sorted { $0.id < $1.id }.prefix(limit))
  }

  package func keepUnmatched(
    _ receipt: WebhookReceipt, detail: String, waitsFor: [String]
  ) async throws(StoreError) {
    change {
      $0.events[receipt.id] = .init(
        receipt: receipt, outcome: .unmatched(detail), trail: WebhookTrail(waitsFor: waitsFor))
    }
  }

  package func appearedClues(limit: Int) async throws(StoreError) -> [AppearedClue] { [] }
  package func forgetClues(_ ids: [Int64]) async throws(StoreError) {}
  package func pruneEvents(settledDays: Int64, openDays: Int64) async throws(StoreError) -> Int64 { 0 }

  package func invoices(of account: AccountID, limit: Int) async throws(StoreError) -> [InvoiceSummary] {
    now.invoices.values.filter { $0.account == account }.map(\.summary).sorted {
      ($0.id ?? "") > ($1.id ?? "")
    }
  }

  package func claimCustomerOrders(limit: Int, leaseSeconds: Int64) async throws(StoreError)
    -> [CustomerOrder]
  {
    change { state in
      let waiting = state.accounts.filter { $0.value.customer == nil && state.orders[$0.key] == nil }
      let due = waiting.keys.sorted { $0.description < $1.description }.prefix(limit)
      return due.map { account in
        let order = CustomerOrder(account: account, email: state.accounts[account]?.email)
        state.orders[account] = order
        return order
      }
    }
  }

  package func customerOrder(for account: AccountID) async throws(StoreError) -> CustomerOrder {
    change { state in
      var order = state.orders[account]
      order?.isRepeated = true
      let new = order ?? CustomerOrder(account: account, email: state.accounts[account]?.email)
      state.orders[account] = new
      return new
    }
  }

  package func finishCustomerOrder(_ account: AccountID, customer: String) async throws(StoreError) -> String
  {
    change { state in
      let held = state.accounts[account]?.customer ?? customer
      state.accounts[account]?.customer = held
      return held
    }
  }

  package func postponeCustomerOrder(
    _ account: AccountID, seconds: Int64, error: String
  ) async throws(StoreError) {
    change { $0.orders[account] = nil }
  }

  package func beginSync(
    _ scope: SyncScope, owner: String, leaseSeconds: Int64, ifLastBefore: Instant?
  ) async throws(SyncRefusal) -> SyncRun {
    if var held = now.sync, held.stage != nil {
      held.isResumed = true
      held.owner = owner
      return held
    }
    return SyncRun(owner: owner, since: nil, stage: .subscriptions, beganAt: Self.syncBeganAt)
  }

  package func saveSync(_ run: SyncRun, leaseSeconds: Int64) async throws(StoreError) -> Bool {
    change { $0.sync = run }
    return true
  }

  package func releaseSync(owner: String) async throws(StoreError) {}

  package func seedPrices(_ plans: [String: String]) async throws(StoreError) {
    change { $0.prices.merge(plans) { held, _ in held } }
  }

  package func pricePlans() async throws(StoreError) -> [String: String] { now.prices }

  package func billingAccount(user: String) async throws(StoreError) -> BillingStatusFacts? {
    let state = now
    guard let account = state.accounts[.user(user)] else { return nil }
    return BillingStatusFacts(
      account: .user(user), plan: account.plan, customer: account.customer, email: account.email, seats: 1,
      subscriptions: state.subscriptions.values.filter { $0.account == .user(user) })
  }
}

final class MemoryTransaction: BillingTransaction, Sendable {
  let state: Mutex<MemoryBillingStore.State>
  init(state: MemoryBillingStore.State) { self.state = Mutex(state) }

  func claim(_ eventIDs: [String], locks: [String]) async throws(StoreError) -> [WebhookClaim] {
    state.withLock { state in
      eventIDs.map { id in
        guard let held = state.events[id], ["processed", "ignored"].contains(held.outcome.status) else {
          return .claimed
        }
        return .done(accounts: held.trail.accounts)
      }
    }
  }

  func lock(_ names: [String]) async throws(StoreError) {}

  func finish(_ ends: [WebhookEnd]) async throws(StoreError) {
    state.withLock { state in
      for end in ends {
        // What came first is kept.
        let receipt = state.events[end.receipt.id]?.receipt ?? end.receipt
        state.events[end.receipt.id] = .init(receipt: receipt, outcome: end.outcome, trail: end.trail)
      }
    }
  }

  func facts(_ questions: [BillingQuestion]) async throws(StoreError) -> [BillingFacts] {
    questions.map { facts($0) }
  }

  private func facts(_ question: BillingQuestion) -> BillingFacts {
    state.withLock { state in
      var facts = BillingFacts()
      let id = question.subscription
      facts.subscription = id.flatMap { state.subscriptions[$0] }
      facts.grants = state.grants.values.filter { id != nil && $0.subscription == id }.map(\.grant)
      let held = state
      let owner = question.owner.compactMap { self.owner($0, held) }.first
      let stored = facts.subscription?.account
      facts.owner = account(owner, id, state)
      facts.formerOwner = stored == owner ? nil : account(stored, id, state)
      facts.plans = state.prices.filter { question.prices.contains($0.key) }
      facts.paidInvoices = state.paidInvoices.intersection(question.invoices)
      facts.paidFor = question.payments.flatMap { state.payments[$0] ?? [] }
      facts.isPaymentKnown = !state.paidInvoices.isDisjoint(with: question.payments + facts.paidFor)
      for payment in question.payments {
        for reference in [payment] + (state.payments[payment] ?? []) {
          if let topUp = state.topUps[reference] {
            facts.purchases.append(
              .init(source: "checkout", reference: reference, account: topUp.topUp.account))
          }
          for grant in state.grants.values where grant.grant.invoice == reference {
            facts.purchases.append(
              .init(source: "invoice", reference: reference, account: grant.grant.account))
          }
        }
      }
      return facts
    }
  }

  private func owner(_ clue: OwnerClue, _ state: MemoryBillingStore.State) -> AccountID? {
    func only(_ accounts: [AccountID]) -> AccountID? { accounts.count == 1 ? accounts[0] : nil }
    switch clue {
    case .user(let id): return state.accounts[.user(id)] == nil ? nil : .user(id)
    case .tenant(let id): return state.accounts[.tenant(id)] == nil ? nil : .tenant(id)
    case .reference(let id): return owner(.user(id), state) ?? owner(.tenant(id), state)
    case .subscription(let id): return state.subscriptions[id]?.account
    case .customer(let id): return only(state.accounts.filter { $0.value.customer == id }.map(\.key))
    case .email(let email):
      let found = state.accounts.filter { $0.value.email?.lowercased() == email.lowercased() }
      return only(found.map(\.key))
    }
  }

  private func account(
    _ id: AccountID?, _ subscription: String?, _ state: MemoryBillingStore.State
  ) -> BillingAccount? {
    guard let id, let account = state.accounts[id] else { return nil }
    return BillingAccount(
      account: id, plan: account.plan, customer: account.customer,
      otherSubscriptions: state.subscriptions.values.filter { $0.account == id && $0.id != subscription })
  }

  func perform(_ changes: [BillingChange]) async throws(StoreError) {
    state.withLock { state in
      for action in changes.flatMap(\.actions) { perform(action, &state) }
    }
  }

  private func perform(_ action: BillingAction, _ state: inout MemoryBillingStore.State) {
    func revoke(_ reason: StoredPeriodGrant.Revocation, where fits: (String?, StoredPeriodGrant) -> Bool) {
      for (number, entry) in state.grants where fits(entry.subscription, entry.grant) {
        state.grants[number]?.grant.revocation = reason
      }
    }
    switch action {
    case .saveSubscription(let row): state.subscriptions[row.id] = row
    case .noteInvoicePaid(let invoice, _, let payments):
      state.paidInvoices.insert(invoice)
      for payment in payments { state.payments[payment, default: []].append(invoice) }
    case .notePayments(let invoice, let payments):
      for payment in payments { state.payments[payment, default: []].append(invoice) }
    case .recordInvoice(let record):
      // An older word may come later.
      let words = ["uncollectible", "void", "paid"]
      func rank(_ record: InvoiceRecord?) -> Int {
        record?.summary.status.flatMap { words.firstIndex(of: $0) } ?? -1
      }
      if rank(record) >= rank(state.invoices[record.id]) { state.invoices[record.id] = record }
    case .note(let account, let action, _): state.notes.append("\(account) \(action)")
    case .letSpeak(let account, let subscription, let now):
      revoke(.suspended) { held, grant in
        grant.account == account && held != subscription && held != nil && grant.revocation == nil
      }
      let latest = state.grants.values.filter { $0.subscription == subscription }
        .map(\.grant.periodStart).max()
      for (number, entry) in state.grants
      where entry.subscription == subscription && entry.grant.revocation == .suspended
        && entry.grant.periodStart == latest && entry.grant.expiresAt.map({ $0 > now }) ?? true
      {
        state.grants[number]?.grant.revocation = nil
      }
    case .grantPeriod(let new):
      let isKnown = state.grants.values.contains {
        $0.subscription == new.subscription && $0.grant.periodStart == new.periodStart
      }
      if isKnown { return }
      revoke(.superseded) { subscription, grant in
        subscription == new.subscription && grant.periodStart < new.periodStart
          && (grant.revocation == nil || grant.revocation == .suspended)
      }
      let number = Int64(state.grants.count + 1)
      let grant = StoredPeriodGrant(
        number: number, account: new.account, tokens: new.tokens, periodStart: new.periodStart,
        periodEnd: new.periodEnd, expiresAt: new.expiresAt, isTrial: new.isTrial, invoice: new.invoice)
      state.grants[number] = (new.subscription, grant)
    case .setGrantTokens(let number, let tokens, let isTrial):
      state.grants[number]?.grant.tokens = tokens
      state.grants[number]?.grant.isTrial = isTrial
    case .suspendGrants(let id):
      revoke(.suspended) { subscription, grant in subscription == id && grant.revocation == nil }
    case .restoreGrant(let number): state.grants[number]?.grant.revocation = nil
    case .detachGrants(let id):
      for (number, entry) in state.grants where entry.subscription == id {
        state.grants[number]?.subscription = nil
        state.grants[number]?.grant.revocation = entry.grant.revocation ?? .other
      }
    case .setPlan(let account, let plan): state.accounts[account]?.plan = plan
    case .linkCustomer(let account, let customer):
      if state.accounts[account]?.customer == nil { state.accounts[account]?.customer = customer }
    case .unlinkCustomer(let customer):
      for (id, account) in state.accounts where account.customer == customer {
        state.accounts[id]?.customer = nil
      }
    case .grantTopUp(let topUp):
      if state.topUps[topUp.session] == nil { state.topUps[topUp.session] = .init(topUp: topUp) }
      for payment in topUp.payments { state.payments[payment, default: []].append(topUp.session) }
    case .takeBack(let purchase, _):
      state.topUps[purchase.reference]?.isRevoked = true
      revoke(.refunded) { _, grant in grant.invoice == purchase.reference }
    }
  }
}
