internal import Gate
internal import Logging
internal import Settings

/// Compares accounts in Redis with the books, while they are spent from, and mends them where asked.
///
/// Redis tells an account and the newest entry of its stream in one step. Once that entry is booked, Postgres tells
/// the account in one snapshot, less what was booked after that very entry: both are of the same moment. What
/// differs then is looked at again, for a grant or a plan may have changed in between; what differs twice in the
/// same way is drift.
struct Reconciler: Sendable {
  let counters: any CountersInspecting
  let books: any BooksInspecting
  let principals: any PrincipalStore
  let loader: any AccountLoading
  let catalog: Catalog
  let logger: Logger

  /// Accounts looked at together: they wait for the books once.
  static let batch = 128
  private static let atOnce = 8
  private static let holdsMax = 4_096
  private static let looksMax = 7
  private static let roundsMax = 4
  private static let mendsMax = 4

  /// What was seen of one account.
  private struct Look {
    var place: AccountPlace
    var view: CountersView
    var differences: [Difference]
    var isMoving: Bool
  }

  /// Looks at the accounts and gives what it found, in their order; accounts that are gone are left out.
  func reconcile(_ places: [AccountPlace], deep: Bool, mends: Bool) async -> [AccountFinding] {
    let views = await concurrently(places) { place in await self.view(of: place) }
    var newest: [Int: StreamID] = [:]
    for case .success(let view) in views where view.account != nil {
      if let last = view.newest { newest[view.bucket] = max(last, newest[view.bucket] ?? last) }
    }
    // Waited for together, so that each account need not wait by itself. What fails here is found out again below.
    for (bucket, last) in newest { try? await counters.waitUntilBooked(last, bucket: bucket) }
    let pairs = Array(zip(places, views))
    let findings = await concurrently(pairs) { place, view in
      await self.find(place, view, deep: deep, mends: mends)
    }
    return findings.compactMap { $0 }
  }

  private func view(of place: AccountPlace) async -> Result<CountersView, StoreError> {
    do throws(StoreError) {
      return .success(
        try await counters.inspect(place.account, tenant: place.tenant, holdsMax: Reconciler.holdsMax))
    } catch {
      return .failure(error)
    }
  }

  private func find(
    _ place: AccountPlace, _ view: Result<CountersView, StoreError>, deep: Bool, mends: Bool
  ) async -> AccountFinding? {
    do throws(StoreError) {
      guard let first = try await look(place, try view.get(), deep: deep, isLast: false) else { return nil }
      let plain: AccountFinding.State = first.view.account == nil ? .unloaded : .clean
      if !first.isMoving, first.differences.isEmpty { return AccountFinding(place.account, plain) }
      guard let sure = try await makeSure(first.place, deep: deep) else { return nil }
      if sure.differences.isEmpty { return AccountFinding(place.account, plain) }
      logger.warning(
        "redis and the books differ",
        metadata: ["account": "\(place.account)", "differences": "\(sure.differences.map(\.kind.rawValue))"])
      guard mends else {
        return AccountFinding(place.account, .drifted, differences: sure.differences)
      }
      return try await mend(sure, deep: deep)
    } catch {
      logger.debug("account not compared", metadata: ["account": "\(place.account)", "error": "\(error)"])
      return AccountFinding(place.account, .unchecked, reason: "\(error)")
    }
  }

  /// Both views, once Redis' moment is booked. nil when there is no such account.
  private func look(
    _ place: AccountPlace, _ view: CountersView, deep: Bool, isLast: Bool
  ) async throws(StoreError) -> Look? {
    if view.account != nil, let newest = view.newest {
      try await counters.waitUntilBooked(newest, bucket: view.bucket)
    }
    guard let booked = try await books.inspect(view, deep: deep) else { return nil }
    var place = place
    if place.account.kind == .user, booked.tenant != place.tenant {
      // It is kept elsewhere now.
      place.tenant = booked.tenant
      return Look(place: place, view: view, differences: [], isMoving: true)
    }
    let comparison = Comparison(
      view, booked, comparesRest: try await ownsRest(place), isLast: isLast)
    return Look(
      place: place, view: view, differences: comparison.differences, isMoving: comparison.hasMoved)
  }

  /// The readable rest of a user who draws on a pool alone is the pool's, as of the user's last request.
  private func ownsRest(_ place: AccountPlace) async throws(StoreError) -> Bool {
    guard place.account.kind == .user, place.tenant != nil else { return true }
    guard let principal = try await principals.principal(user: place.account.id) else { return false }
    let entitlement = Entitlement(of: principal, catalog: catalog, now: Clock.now())
    return entitlement.own != nil || entitlement.pool == nil
  }

  /// Looks until nothing moves meanwhile; what moves every time counts as different.
  private func lookAnew(_ place: AccountPlace, deep: Bool) async throws(StoreError) -> Look? {
    var place = place
    for attempt in 1...Reconciler.looksMax {
      let view = try await counters.inspect(
        place.account, tenant: place.tenant, holdsMax: Reconciler.holdsMax)
      let isLast = attempt == Reconciler.looksMax
      guard let look = try await look(place, view, deep: deep, isLast: isLast) else { return nil }
      if !look.isMoving || isLast { return look }
      place = look.place
      // Long enough in all for a change to reach Redis without a notification.
      try await pause(milliseconds: min(1_000, 10 << Int64(attempt)))
    }
    return nil
  }

  /// Looks again until two looks in a row have found the same, or nothing is found; only what both have counts.
  private func makeSure(_ place: AccountPlace, deep: Bool) async throws(StoreError) -> Look? {
    var before: Look?
    for _ in 0..<Reconciler.roundsMax {
      guard var look = try await lookAnew(before?.place ?? place, deep: deep) else { return nil }
      if look.differences.isEmpty { return look }
      if let before {
        let same = look.differences.filter { found in before.differences.contains { $0.isSame(as: found) } }
        if !same.isEmpty {
          look.differences = same
          return look
        }
      }
      before = look
      try await pause(milliseconds: 50)
    }
    before?.differences = []
    return before
  }

  private func pause(milliseconds: Int64) async throws(StoreError) {
    do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch {
      throw .unavailable("it was given up")
    }
  }
}

extension Reconciler {
  /// The books' derived rows first, from the entries; then Redis, from the books.
  private func mend(_ first: Look, deep: Bool) async throws(StoreError) -> AccountFinding {
    let account = first.place.account
    var found: [Difference] = []
    var look = first
    for _ in 0..<Reconciler.mendsMax {
      found += look.differences.filter { one in !found.contains { $0.kind == one.kind && $0.name == one.name }
      }
      try await remedy(look)
      guard let next = try await makeSure(look.place, deep: deep) else { break }
      if next.differences.isEmpty { return AccountFinding(account, .mended, differences: found) }
      look = next
    }
    return AccountFinding(account, .drifted, differences: found)
  }

  private func remedy(_ look: Look) async throws(StoreError) {
    let (account, tenant) = (look.place.account, look.place.tenant)
    let remedies = Set(look.differences.map(\.remedy))
    if remedies.contains(.books) {
      // What Redis has to be compared with is known only after this.
      return try await books.mend(account, lost: try await lostHolds(look))
    }
    if remedies.contains(.counters) {
      let unknown = look.differences.filter { $0.kind == .holdUnknown }.compactMap(\.name)
      guard try await counters.evict(look.view, tenant: tenant, unknownHolds: unknown) else { return }
      _ = try await loader.load(account, tenant: tenant)
    } else if remedies.contains(.readableRest) {
      try await counters.publishRest(user: account.id, tenant: tenant)
    }
  }

  /// Holds that the ledger has as open, and of which only Redis knows the rest.
  private func lostHolds(_ look: Look) async throws(StoreError) -> [HoldRecord] {
    var lost: [HoldRecord] = []
    let names = Set(look.differences.filter { $0.kind == .bookedHold }.compactMap(\.name))
    for hold in look.view.holds where names.contains(hold.id) {
      lost.append(try await counters.openHold(hold.id, of: hold.user, bucket: look.view.bucket) ?? hold)
    }
    return lost
  }

  /// Runs `body` on every item, a few at a time; the results are in the items' order.
  private func concurrently<Item: Sendable, Value: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async -> Value
  ) async -> [Value] {
    await withTaskGroup(of: (Int, Value).self) { group in
      var values = [Value?](repeating: nil, count: items.count)
      for (index, item) in items.enumerated() {
        if index >= Reconciler.atOnce, let (done, value) = await group.next() { values[done] = value }
        group.addTask { (index, await body(item)) }
      }
      while let (done, value) = await group.next() { values[done] = value }
      return values.compactMap { $0 }
    }
  }
}
