import Gate

/// A user or tenant as the random world's Postgres has it.
struct WorldOwner {
  let id: AccountID
  var tenant: String?
  var plan: String?
  var seats: Int64 = 1
  var subscription: SubscriptionState?
  var version: Int64 = 1
  var granted: [Grant] = []
  /// Whether Redis has been told of the version.
  var isApplied = true

  func live(at now: Int64) -> [Grant] {
    granted.filter { grant in grant.expiresAt.map { $0.milliseconds > now } ?? true }
  }

  /// One random change of what it may do or has.
  mutating func change(_ random: inout SeededRandom, now: Int64, number: Int64) {
    version += 1
    let day: Int64 = 86_400_000
    func instant(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }
    switch random.number(0...13) {
    case 0...2:
      let expires: Int64? = random.chance(500) ? nil : now + random.number(1...20) * day / 4
      granted.append(
        Grant(
          reference: Grant.Reference(.granted, number), kind: random.chance(500) ? .topup : .adjustment,
          tokens: random.number(1...8000), expiresAt: expires.map(instant),
          priority: random.pick([100, 100, 10, 500]), source: "test", createdAt: instant(now)))
    case 3...5: period(&random, now: now, number: number)
    case 6:
      if let index = granted.indices.randomElement(using: &random) { granted.remove(at: index) }
    case 7:
      if let index = granted.indices.randomElement(using: &random) {
        granted[index].tokens = random.number(0...20_000)
      }
    case 8:
      let live = granted.indices.filter { index in
        granted[index].kind != .period && (granted[index].expiresAt.map { $0.milliseconds > now } ?? true)
      }
      if let index = live.randomElement(using: &random) {
        granted[index].expiresAt = random.chance(300) ? nil : instant(now + random.number(1...30) * day / 10)
        granted[index].priority = random.number(0...200)
      }
    case 9...10: plan = random.pick(id.kind == .user ? WorldPlans.userPlans : WorldPlans.tenantPlans)
    case 11: seats = random.number(1...4)
    default:
      subscription = nil
      if random.chance(700) {
        let status = random.pick(WorldPlans.statuses)
        subscription = SubscriptionState(
          stripeSubscriptionID: "sub", status: status,
          pastDueSince: status == "past_due" ? instant(now - random.number(0...10) * 1_000_000) : nil)
      }
    }
    granted.removeAll { grant in grant.expiresAt.map { $0.milliseconds <= now } ?? false }
    if granted.count > 20 { granted.removeFirst(granted.count - 20) }
  }

  /// An invoice was paid, late, in time or twice in a period, or an admin has reset the budget.
  private mutating func period(_ random: inout SeededRandom, now: Int64, number: Int64) {
    let day: Int64 = 86_400_000
    let last = granted.last { $0.kind == .period }
    var start = now - random.number(0...day)
    var stop = start + random.number(2...12) * day
    if let last, let lastStart = last.periodStart?.milliseconds, let lastStop = last.periodEnd?.milliseconds {
      if lastStop > now, random.chance(300) {
        (start, stop) = (lastStart, lastStop)
      } else if lastStop <= now + day / 2 {
        (start, stop) = (lastStop, lastStop + 5 * day)
      }
    }
    guard stop > now else { return }
    let grace = random.chance(500) ? 0 : 2 * day
    if random.chance(300) { granted.removeAll { $0.kind == .period } }
    granted.append(
      Grant(
        reference: Grant.Reference(.granted, number), kind: .period, tokens: random.number(100...30_000),
        periodStart: Instant(milliseconds: start), periodEnd: Instant(milliseconds: stop),
        expiresAt: Instant(milliseconds: stop + grace), source: "invoice",
        createdAt: Instant(milliseconds: now)))
  }
}
