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
  /// nil: draws nothing on that account.
  var own: Side?
  var pool: Side?
  var state = State.open
  var settled: Int64 = 0
  var answer: ModelAnswer?
  /// Until when its outcome is remembered.
  var rememberedUntil: Int64

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
      for part in (kind == .user ? hold.own : hold.pool)?.parts ?? [] {
        if let index = index(of: part.grant) {
          grants[index].held -= part.tokens
        } else if hold.releasesOnExpiry, let end = ended, end.reference == part.grant, key.expires <= end.stop
        {
          // It came back before its period ended.
          ended?.left += part.tokens
        }
        if !hold.releasesOnExpiry { use(part.tokens, of: part.grant) }
      }
      if !hold.releasesOnExpiry { charged += hold.amount }
      if hold.releasesOnExpiry, kind == .user {
        hour.correct(by: -hold.amount, created: hold.created)
        day.correct(by: -hold.amount, created: hold.created)
      }
    }
    open.removeFirst(due.count)
    payDebt()
    return (charged, open.first.map { $0.expires <= now } ?? false)
  }

  mutating func insert(_ key: ModelHold.Key) {
    open.insert(key, at: open.firstIndex { key < $0 } ?? open.endIndex)
  }

  /// Charges `tokens` for a hold that held (or, after its expiry, was charged) `taken`.
  mutating func resolve(_ side: ModelHold.Side, tokens: Int64, isLate: Bool, wasCharged: Bool) {
    var rest = tokens
    for part in side.parts {
      let live = index(of: part.grant)
      var used = min(rest, part.tokens)
      if isLate, !wasCharged, let live {
        // It went back, and others may have it by now.
        used = min(used, max(0, grants[live].left))
      }
      if !isLate, let live { grants[live].held -= part.tokens }
      if isLate, wasCharged { use(-part.tokens, of: part.grant) }
      use(used, of: part.grant)
      rest -= used
    }
    if rest > 0, side.period == period?.start ?? 0 { debt += take(rest, \.used).short }
    payDebt()
  }
}
