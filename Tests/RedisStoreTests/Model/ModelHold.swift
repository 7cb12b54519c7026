import Gate

/// A reservation as the rules have it.
struct ModelHold {
  struct Key: Hashable, Comparable {
    let expires: Int64
    let id: String
    static func < (a: Key, b: Key) -> Bool {
      a.expires == b.expires
        ? Array(a.id.utf8).lexicographicallyPrecedes(Array(b.id.utf8)) : a.expires < b.expires
    }
  }
  enum State: String { case open, settled, released }

  /// What it holds in one account, and of which period.
  struct Side {
    var parts: [Allocation]
    var period: Int64
  }

  let id: HoldID
  let feature: String
  var amount: Int64
  var expires: Int64
  let created: Int64
  let releasesOnExpiry: Bool
  /// It counts against its feature's own limits, and what it settles at for the user's estimate.
  var isInFeature = false
  var notesUse = false
  /// What was said to be used so far.
  var reported: Int64?
  /// nil: draws nothing on that account.
  var own: Side?
  var pool: Side?
  var state = State.open
  var settled: Int64 = 0
  var answer: ModelAnswer?
  /// Until when its outcome is remembered.
  var rememberedUntil: Int64

  /// What is charged when its time passes.
  var charge: Int64 { reported ?? (releasesOnExpiry ? 0 : amount) }

  var key: Key { Key(expires: expires, id: id.text) }
}

/// What a script answers.
struct ModelAnswer: Equatable {
  var letter: Character
  var granted: Int64 = 0
  var budget = ModelBudget()
  var requestsLeft: Int64 = 0
  var retry: Int64 = 0
  var detail: Int64 = 0
  var now: Int64
  var shadowed: ShadowedLimits = []
  var rules: [RuleVerdict] = []
  /// Of a finalized hold.
  var state = ""
  /// Of an answer that tells of a hold.
  var hold = ""
}

extension ModelAccount {
  /// Holds whose time has passed, at most 64 at a time: charged or given back. Returns what was charged, and
  /// whether more are due.
  mutating func expire(
    at now: Int64, of kind: AccountID.Kind, _ holds: [String: ModelHold]
  ) -> (charged: Int64, more: Bool) {
    guard let first = open.first, first.expires <= now else { return (0, false) }
    var charged: Int64 = 0
    let due = open.prefix { $0.expires <= now }.prefix(64)
    for key in due {
      guard let hold = holds[key.id] else { preconditionFailure("an unknown hold") }
      var rest = hold.charge
      for part in (kind == .user ? hold.own : hold.pool)?.parts ?? [] {
        let used = min(rest, part.tokens)
        rest -= used
        if let index = index(of: part.grant) {
          grants[index].held -= part.tokens
        } else if let end = ended, end.reference == part.grant, key.expires <= end.stop {
          // It came back before its period ended.
          ended?.left += part.tokens - used
        }
        use(used, of: part.grant)
      }
      charged += hold.charge
      if kind == .user { correct(hold, by: hold.charge - hold.amount) }
      features[hold.feature]?.open.remove(key.id)
    }
    open.removeFirst(due.count)
    payDebt()
    return (charged, open.first.map { $0.expires <= now } ?? false)
  }

  /// What a hold has put into the hour and the day, of the account and of its feature.
  mutating func correct(_ hold: ModelHold, by change: Int64) {
    guard change != 0 else { return }
    hour.correct(by: change, created: hold.created)
    day.correct(by: change, created: hold.created)
    if hold.isInFeature {
      features[hold.feature, default: ModelFeature()].hour.correct(by: change, created: hold.created)
      features[hold.feature, default: ModelFeature()].day.correct(by: change, created: hold.created)
    }
  }

  mutating func insert(_ key: ModelHold.Key) {
    open.insert(key, at: open.firstIndex { key < $0 } ?? open.endIndex)
  }

  /// Charges `tokens` for a hold; `charged` is what its expiry did, nil when it is still open.
  mutating func resolve(_ side: ModelHold.Side, tokens: Int64, charged: Int64?) {
    var rest = tokens
    var chargedRest = charged ?? 0
    for part in side.parts {
      let live = index(of: part.grant)
      var used = min(rest, part.tokens)
      if charged == nil {
        if let live { grants[live].held -= part.tokens }
        use(used, of: part.grant)
      } else {
        let before = min(chargedRest, part.tokens)
        chargedRest -= before
        // The rest went back, and others may have it by now.
        if let live, used > before { used = before + min(used - before, max(0, grants[live].left)) }
        use(used - before, of: part.grant)
      }
      rest -= used
    }
    if rest > 0, side.period == period?.start ?? 0 { debt += take(rest, \.used).short }
    payDebt()
  }
}
