import Gate

@testable import RedisStore

/// An account as it lies in Redis.
struct AccountState: Equatable, CustomStringConvertible {
  struct GrantState: Equatable, CustomStringConvertible {
    var reference: Grant.Reference
    var isSuperseded: Bool
    var tokens: Int64
    var used: Int64
    var held: Int64
    var expires: Int64
    var priority: Int64
    var start: Int64
    var stop: Int64

    var description: String {
      "\(reference)\(isSuperseded ? "!" : "") \(tokens)-\(used)-\(held) x\(expires) p\(priority) "
        + "[\(start),\(stop))"
    }
  }
  var version: Int64
  var epoch: Int64
  var debt: Int64
  var nextExpiry: Int64
  var holds: Int64
  var requestsArrival: Double
  var tokensArrival: Double
  var hour: ModelWindow
  var day: ModelWindow
  var grants: [GrantState]
  /// What is kept of single features; one of which nothing is known is not among them.
  var features: [String: FeatureState] = [:]
  /// When each of a user's open holds ends, by their ids. A pool has them elsewhere.
  var open: [String: Int64] = [:]

  struct FeatureState: Equatable, CustomStringConvertible {
    var holds: Int64 = 0
    var requestsArrival = 0.0
    var tokensArrival = 0.0
    var hour = ModelWindow()
    var day = ModelWindow()
    var noted: Int64 = 0
    /// In the order of the ring.
    var uses: [Int64] = []

    var description: String {
      "holds \(holds) tat \(requestsArrival) \(tokensArrival) hour \(hour.start)+\(hour.taken) "
        + "day \(day.start)+\(day.taken) uses \(noted) \(uses)"
    }

    init() {}

    init?(_ bytes: [UInt8]) {
      guard bytes.count >= 64, bytes.count <= 28 * 8, bytes.count % 8 == 0 else { return nil }
      let numbers = AccountState.doubles(bytes[...])
      holds = Int64(numbers[0])
      (requestsArrival, tokensArrival) = (numbers[1], numbers[2])
      hour = ModelWindow(start: Int64(numbers[3]), taken: Int64(numbers[4]))
      day = ModelWindow(start: Int64(numbers[5]), taken: Int64(numbers[6]))
      noted = Int64(numbers[7])
      uses = numbers.dropFirst(8).map { Int64($0) }
    }

    init(_ feature: ModelFeature) {
      holds = Int64(feature.open.count)
      (requestsArrival, tokensArrival) = (feature.requestsArrival, feature.tokensArrival)
      (hour, day) = (feature.hour, feature.day)
      noted = feature.noted
      uses = feature.uses
      if noted > 20 {
        // The newest stands in front of the oldest, somewhere in the ring.
        let at = Int(noted % 20)
        uses = Array(feature.uses.suffix(at) + feature.uses.prefix(20 - at))
      }
    }
  }

  var description: String {
    "v\(version) e\(epoch) debt \(debt) holds \(holds) next \(nextExpiry) "
      + "tat \(requestsArrival) \(tokensArrival) hour \(hour.start)+\(hour.taken) "
      + "day \(day.start)+\(day.taken) \(grants) \(features) open \(open)"
  }

  /// nil unless it is whole.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 104, (bytes.count - 104) % 72 == 0 else { return nil }
    let numbers = AccountState.doubles(bytes[...])
    guard Int(numbers[12]) == (bytes.count - 104) / 72 else { return nil }
    func whole(_ index: Int) -> Int64 { Int64(numbers[index]) }
    version = whole(0)
    epoch = whole(1)
    debt = whole(2)
    nextExpiry = whole(3)
    holds = whole(4)
    requestsArrival = numbers[5]
    tokensArrival = numbers[6]
    hour = ModelWindow(start: whole(7), taken: whole(8))
    day = ModelWindow(start: whole(9), taken: whole(10))
    grants = []
    for at in stride(from: 13, to: numbers.count, by: 9) {
      guard let code = GrantCode(rawValue: whole(at)) else { return nil }
      grants.append(
        GrantState(
          reference: Grant.Reference(code.series, whole(at + 1)), isSuperseded: code == .superseded,
          tokens: whole(at + 2), used: whole(at + 3), held: whole(at + 4), expires: whole(at + 5),
          priority: whole(at + 6), start: whole(at + 7), stop: whole(at + 8)))
    }
  }

  /// From HGETALL.
  init?(_ value: RedisValue) {
    let parts = value.array ?? []
    var fields: [String: [UInt8]] = [:]
    for index in stride(from: 0, to: parts.count - 1, by: 2) {
      fields[parts[index].string ?? ""] = parts[index + 1].bytes
    }
    guard let account = fields.removeValue(forKey: "s") else { return nil }
    self.init(account)
    for (field, bytes) in fields {
      if field.hasPrefix("rsv_") {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let hold = InspectionDecoding.record(text, id: field) else { return nil }
        open[field] = hold.expiresAt.milliseconds
        continue
      }
      guard field.first == "f", let state = FeatureState(bytes) else { return nil }
      if state != FeatureState() { features[String(field.dropFirst())] = state }
    }
  }

  static func doubles(_ bytes: ArraySlice<UInt8>) -> [Double] {
    stride(from: bytes.startIndex, to: bytes.endIndex - 7, by: 8).map { at in
      var bits: UInt64 = 0
      for offset in 0..<8 { bits |= UInt64(bytes[at + offset]) << UInt64(8 * offset) }
      return Double(bitPattern: bits)
    }
  }

  /// The model's account as Redis should have it.
  init(_ account: ModelAccount, of id: AccountID, epoch: Int64) {
    version = account.version
    self.epoch = epoch
    debt = account.debt
    nextExpiry = account.open.first?.expires ?? 0
    holds = Int64(account.open.count)
    requestsArrival = account.requestsArrival
    tokensArrival = account.tokensArrival
    hour = account.hour
    day = account.day
    grants = account.grants.map { grant in
      GrantState(
        reference: grant.reference, isSuperseded: grant.isSuperseded, tokens: grant.tokens, used: grant.used,
        held: grant.held, expires: grant.expires, priority: grant.priority, start: grant.start,
        stop: grant.stop)
    }
    features = account.features.mapValues { FeatureState($0) }.filter { $0.value != FeatureState() }
    if id.kind == .user { for hold in account.open { open[hold.id] = hold.expires } }
  }

  /// As it counts at `now`. The time of the next expiry is only a lower bound: a hold that was settled or
  /// extended may have left an earlier one.
  func counting(at now: Int64, next: Int64) -> AccountState {
    var state = self
    state.grants.removeAll { $0.expires > 0 && $0.expires <= now }
    if (nextExpiry > 0) == (next > 0), nextExpiry <= next { state.nextExpiry = next }
    return state
  }
}

/// Answers of the scripts, as the model gives them.
enum AnswerDecoding {
  /// Of `report`: what it says of the user.
  static func report(_ value: RedisValue, now: Int64) -> ModelAnswer? {
    let bytes = value.bytes
    guard bytes.count > 15 * 8 else { return decode(value, now: now) }
    let numbers = AccountState.doubles(bytes.dropFirst()).map { Int64($0) }
    let budget = ModelBudget(
      limit: numbers[2], used: numbers[3], held: numbers[4], remaining: numbers[5], debt: numbers[6],
      resets: numbers[7], length: numbers[8])
    return ModelAnswer(
      letter: Character(Unicode.Scalar(bytes[0])), granted: numbers[1], budget: budget,
      requestsLeft: numbers[12],
      retry: numbers[13], detail: numbers[9], now: numbers[0])
  }

  /// nil for what is no answer at all.
  static func decode(_ value: RedisValue, now: Int64) -> ModelAnswer? {
    var bytes = value.bytes[...]
    guard let first = bytes.first else { return nil }
    let letter = Character(Unicode.Scalar(first))
    if letter == "F" {
      let parts = String(decoding: bytes.dropFirst(), as: UTF8.self).split(separator: ":")
      guard parts.count == 2, let tokens = Int64(parts[1]) else { return nil }
      return ModelAnswer(letter: letter, granted: tokens, now: now, state: String(parts[0]))
    }
    guard bytes.count > 1 else { return ModelAnswer(letter: letter, now: now) }
    var hold = ""
    if letter == "I" {
      guard let end = bytes.firstIndex(of: 0x1F) else { return nil }
      hold = String(decoding: bytes[1..<end], as: UTF8.self)
      bytes = bytes[(end + 1)...]
    }
    let numbers = AccountState.doubles(bytes.dropFirst()).map { Int64($0) }
    guard numbers.count >= 10 else { return nil }
    let budget = ModelBudget(
      limit: numbers[2], used: numbers[3], held: numbers[4], remaining: numbers[5], debt: numbers[6],
      resets: numbers[7], length: numbers[8])
    guard budget.limit + budget.debt == budget.used + budget.held + budget.remaining else { return nil }
    if numbers.count > 12 {
      var rules: [RuleVerdict] = []
      for at in stride(from: 13, to: numbers.count, by: 6) {
        guard at + 6 <= numbers.count, let rule = RuleVerdict.Rule(rawValue: numbers[at]),
          let verdict = RuleVerdict.Verdict(rawValue: numbers[at + 1])
        else { return nil }
        rules.append(
          RuleVerdict(
            rule: rule, verdict: verdict, limit: numbers[at + 2], taken: numbers[at + 3],
            requested: numbers[at + 4], retryAfterMilliseconds: numbers[at + 5]))
      }
      return ModelAnswer(
        letter: letter, granted: numbers[1], budget: budget, requestsLeft: numbers[9], retry: numbers[10],
        detail: numbers[11], now: numbers[0], shadowed: ShadowedLimits(rawValue: numbers[12]), rules: rules,
        hold: hold)
    }
    return ModelAnswer(
      letter: letter, granted: numbers[1], budget: budget, retry: numbers.count > 10 ? numbers[10] : 0,
      detail: numbers[9], now: numbers[0])
  }
}
