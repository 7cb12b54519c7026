import Gate

/// A grant as the rules have it.
struct ModelGrant: Equatable {
  let reference: Grant.Reference
  var kind: Grant.Kind
  var tokens: Int64
  var used: Int64 = 0
  var held: Int64 = 0
  /// Milliseconds; 0: never.
  var expires: Int64 = 0
  var priority: Int64 = 100
  /// Of a period.
  var start: Int64 = 0
  var stop: Int64 = 0
  /// A calendar grant that another period has replaced before its time: it is known, and counts nowhere.
  var isSuperseded = false

  var left: Int64 { tokens - used - held }
  var isCalendar: Bool { kind == .period && reference.series == .calendar }

  func isLive(at now: Int64) -> Bool { expires == 0 || expires > now }

  /// What is used or held can't be taken back.
  mutating func keepTaken() { tokens = max(tokens, used + held) }

  /// Of two periods the one that starts last counts, then the one that was made last.
  static func isEarlier(_ a: ModelGrant, _ b: ModelGrant) -> Bool {
    (a.start, a.reference.number) < (b.start, b.reference.number)
  }

  /// Soonest expiry first, then lowest priority number, then oldest.
  static func spentBefore(_ a: ModelGrant, _ b: ModelGrant) -> Bool {
    let (one, other) = (a.expires == 0 ? Int64.max : a.expires, b.expires == 0 ? Int64.max : b.expires)
    return (one, a.priority, a.reference.number) < (other, b.priority, b.reference.number)
  }
}

/// What a budget shows of itself.
struct ModelBudget: Equatable {
  var limit: Int64 = 0
  var used: Int64 = 0
  var held: Int64 = 0
  var remaining: Int64 = 0
  var debt: Int64 = 0
  var resets: Int64 = 0
  var length: Int64 = 0
}

/// What a calendar hour or day has taken.
struct ModelWindow: Equatable {
  var start: Int64 = 0
  var taken: Int64 = 0
  func taken(in window: Int64) -> Int64 { start == window ? taken : 0 }

  mutating func add(_ tokens: Int64, in window: Int64) {
    if start < window { self = ModelWindow(start: window) }
    taken += tokens
  }

  /// Corrects what a hold made at `created` has put in, if it is still this window that counts.
  mutating func correct(by change: Int64, created: Int64) {
    if created >= start, taken + change >= 0 { taken += change }
  }
}

/// A user's own budget, or a tenant's pool, with nothing but the rules of DESIGN.md and API.md.
struct ModelAccount {
  var version: Int64
  var debt: Int64 = 0
  /// Live and superseded grants, as they are spent.
  var grants: [ModelGrant] = []
  /// What was used of grants that are over, for the books.
  var past: [Grant.Reference: Int64] = [:]
  /// The calendar period that ended last, while no other has begun.
  var ended: (reference: Grant.Reference, stop: Int64, left: Int64)?
  /// Open holds by their end, then id.
  var open: [ModelHold.Key] = []
  /// GCRA's theoretical arrival times, microseconds.
  var requestsArrival = 0.0
  var tokensArrival = 0.0
  var hour = ModelWindow()
  var day = ModelWindow()
  var features: [String: ModelFeature] = [:]
  /// The highest per cent of its limit that was announced since the period began.
  var announced: Int64 = 0

  init(version: Int64) { self.version = version }

  /// Grants whose time has passed are over.
  mutating func drop(at now: Int64) {
    guard grants.contains(where: { !$0.isLive(at: now) }) else { return }
    for grant in grants where !grant.isLive(at: now) {
      if grant.isCalendar, !grant.isSuperseded {
        ended = (grant.reference, grant.stop, grant.left)
      }
      past[grant.reference, default: 0] += grant.used
    }
    grants.removeAll { !$0.isLive(at: now) }
  }

  mutating func retire(_ grant: ModelGrant) { past[grant.reference, default: 0] += grant.used }

  mutating func sort() { grants.sort(by: ModelGrant.spentBefore) }

  func index(of reference: Grant.Reference) -> Int? { grants.firstIndex { $0.reference == reference } }

  /// All that was ever used of a grant.
  func booked(_ reference: Grant.Reference) -> Int64 {
    (past[reference] ?? 0) + (index(of: reference).map { grants[$0].used } ?? 0)
  }

  var remaining: Int64 { grants.reduce(0) { $1.isSuperseded ? $0 : $0 + $1.left } }

  /// The period that counts is the one that starts last.
  var period: ModelGrant? {
    grants.filter { $0.kind == .period && !$0.isSuperseded }.max(by: ModelGrant.isEarlier)
  }

  var budget: ModelBudget {
    var budget = ModelBudget(debt: debt)
    for grant in grants where !grant.isSuperseded {
      budget.limit += grant.tokens
      budget.used += grant.used
      budget.held += grant.held
    }
    budget.used += debt
    budget.remaining = remaining
    if let period, period.stop > 0 {
      budget.resets = period.stop
      budget.length = period.stop - period.start
    }
    return budget
  }

  /// Takes what is there, in the order of spending. Returns where from, and what wasn't there.
  mutating func take(
    _ amount: Int64, _ slot: WritableKeyPath<ModelGrant, Int64>
  ) -> (parts: [Allocation], short: Int64) {
    var rest = amount
    var parts: [Allocation] = []
    for index in grants.indices where rest > 0 && !grants[index].isSuperseded && grants[index].left > 0 {
      let part = min(rest, grants[index].left)
      grants[index][keyPath: slot] += part
      parts.append(Allocation(grant: grants[index].reference, tokens: part))
      rest -= part
    }
    return (parts, rest)
  }

  /// In debt nothing remains: whatever is left pays it.
  mutating func payDebt() { debt = take(debt, \.used).short }

  /// Books use on a grant, over or not.
  mutating func use(_ tokens: Int64, of reference: Grant.Reference) {
    if let index = index(of: reference) {
      grants[index].used += tokens
    } else {
      past[reference, default: 0] += tokens
    }
  }

  // MARK: Periods

  /// A reset: the period's grant is replaced, what was left goes over up to a bound, debt is forgiven or
  /// carried.
  mutating func begin(_ fresh: ModelGrant, rolloverMax: Int64, carriesDebt: Bool) {
    var unspent: Int64 = 0
    if let ended, ended.stop == fresh.start { unspent = ended.left }
    ended = nil
    var kept: [ModelGrant] = []
    for var grant in grants {
      guard grant.kind == .period, !grant.isSuperseded else {
        kept.append(grant)
        continue
      }
      if grant.isCalendar {
        // Its time isn't over: it keeps its rest, in case the account comes back to it.
        grant.isSuperseded = true
        kept.append(grant)
      } else {
        unspent = max(unspent, grant.left)
        retire(grant)
      }
    }
    kept.append(fresh)
    let reference = Grant.Reference(.rollover, fresh.isCalendar ? fresh.reference.number : fresh.start)
    if let index = kept.firstIndex(where: { $0.reference == reference }) {
      kept[index].tokens += max(0, min(unspent, rolloverMax - kept[index].tokens))
    } else if min(unspent, rolloverMax) > 0 {
      kept.append(
        ModelGrant(
          reference: reference, kind: .rollover, tokens: min(unspent, rolloverMax), expires: fresh.stop,
          priority: 50, start: fresh.start, stop: fresh.stop))
    }
    grants = kept
    sort()
    announced = 0
    if carriesDebt { payDebt() } else { debt = 0 }
  }

  /// Follows the calendar: a period that has passed rolls over; a plan that allows more counts at once, one
  /// that allows less when the period is over or `lowers`.
  mutating func follow(_ terms: BudgetTerms, _ bounds: ModelBounds) {
    if let current = period, current.start >= bounds.start {
      guard current.isCalendar, let index = index(of: current.reference) else { return }
      ModelAccount.adjust(&grants[index], to: terms)
      payDebt()
      return
    }
    if let index = grants.firstIndex(where: {
      $0.isSuperseded && $0.reference == bounds.reference
    }) {
      // Back in a month that was begun before: what was used of it stays used, and nothing begins.
      var back = grants.remove(at: index)
      back.isSuperseded = false
      ModelAccount.adjust(&back, to: terms)
      begin(back, rolloverMax: 0, carriesDebt: true)
      return
    }
    begin(
      ModelGrant(
        reference: bounds.reference, kind: .period, tokens: terms.tokens,
        expires: bounds.stop, start: bounds.start, stop: bounds.stop),
      rolloverMax: terms.rule.rolloverMax, carriesDebt: terms.rule.debt == .carry)
  }

  private static func adjust(_ grant: inout ModelGrant, to terms: BudgetTerms) {
    if terms.tokens > grant.tokens {
      grant.tokens = terms.tokens
    } else if terms.rule.downgrade == .now {
      grant.tokens = max(terms.tokens, grant.used + grant.held)
    }
  }
}

/// A calendar period, [start, stop); `stop` 0: without end.
struct ModelBounds: Equatable {
  var start: Int64
  var stop: Int64
  /// A day and a month that begin together have two names.
  var reference: Grant.Reference {
    Grant.Reference(.calendar, stop > 0 && stop - start < 2 * 86_400_000 ? start + 1 : start)
  }
  func contains(_ now: Int64) -> Bool { now >= start && (stop == 0 || now < stop) }
}
