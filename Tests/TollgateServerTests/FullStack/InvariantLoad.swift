import NIOCore
import Synchronization
import Testing

/// Random reserve, extend, settle, release and spend over many connections, whose clients hang up in the midst. A
/// caller that got no answer asks again with the same key, as the contract tells it to: so in the end each
/// knows exactly what it has used.
///
/// The repetition may overtake what was hung up on, for another event loop reads it. Where it is refused for lack
/// of budget, which no key keeps, the first may still be done once there is budget again: then it is in doubt.
final class InvariantLoad: Sendable {
  struct Tally: Sendable {
    /// What each user must have used in the end, by hold, and by key where nothing was held.
    var used: [String: [String: Int64]] = [:]
    var answers: [Int: Int] = [:]
    var aborted = 0
    var doubts: [Doubt] = []
    /// Answers whose numbers don't add up, or that took more than was left.
    var wrong: [String] = []
  }

  /// A refused check that was asked before without an answer. `tokens` are charged if it was done all the same.
  struct Doubt: Sendable {
    var user: String
    var key: String
    var request: Request
    var tokens: Int64
  }

  private let stack: Stack
  private let users: [TestUser]
  private let end: ContinuousClock.Instant
  private let tally = Mutex(Tally())

  init(_ stack: Stack, _ users: [TestUser], lasting: Duration) {
    self.stack = stack
    self.users = users
    end = ContinuousClock.now + lasting
  }

  var now: Tally { tally.withLock { $0 } }

  func run(connections: Int, seed: UInt64) async throws -> Tally {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<connections {
        group.addTask {
          var client = Client(load: self, number: number, random: SplitMix64(seed &+ UInt64(number)))
          try await client.work()
        }
      }
      group.addTask { try await self.sample() }
      try await group.waitForAll()
    }
    try await settleDoubts()
    return now
  }

  /// Looks at budgets all the while.
  private func sample() async throws {
    let connection = try await Connection.open(stack.gate.port)
    var index = 0
    while ContinuousClock.now < end {
      let user = users[index % users.count]
      index += 1
      let answer = try await connection.send(Request("GET", "/v1/budget", user.credentials))
      if answer.status != 503 { note(answer, "sampled \(user.id)") }
    }
    await connection.close()
  }

  /// Asks once more what is in doubt. Nothing else of the load is under way any more, so the answer is certain.
  private func settleDoubts() async throws {
    try await stack.waitForBooks()
    let connection = try await Connection.open(stack.gate.port)
    var done = 0
    let doubts = now.doubts
    for doubt in doubts {
      let answer = try await connection.send(doubt.request)
      note(answer, "in doubt, \(doubt.user)")
      if answer.status == 200 {
        add(doubt.tokens, to: doubt.user, answer.json["reservation"]["id"].string ?? doubt.key)
      }
      if answer.header("Idempotency-Replayed") == "true" { done += 1 }
    }
    await connection.close()
    print("InvariantLoad: \(doubts.count) checks in doubt, \(done) had been done")
  }

  private func note(_ answer: Answer, _ what: String) {
    tally.withLock { tally in
      tally.answers[answer.status, default: 0] += 1
      if answer.status == 200 || answer.status == 201 {
        let budget = answer.budget
        if !budget.adds || (budget.remaining ?? -1) < 0 || (budget.held ?? -1) < 0 {
          tally.wrong.append("\(what): \(answer.text)")
        }
      } else if answer.status != 429, answer.code != "reservation_finalized" {
        tally.wrong.append("\(what): \(answer.status) \(answer.text)")
      }
    }
  }

  private func add(_ tokens: Int64, to user: String, _ operation: String) {
    tally.withLock { $0.used[user, default: [:]][operation, default: 0] += tokens }
  }

  /// One connection's worth.
  private struct Client {
    let load: InvariantLoad
    let number: Int
    var random: SplitMix64
    var connection: Connection?
    var keys = 0

    /// The idempotency key of the check that was made last.
    var key: String { "c\(number)-\(keys)" }

    mutating func work() async throws {
      while ContinuousClock.now < load.end {
        keys += 1
        let user = load.users[Int(random.next() % UInt64(load.users.count))]
        if random.next() % 3 == 0 { try await spend(user) } else { try await hold(user) }
      }
      await connection?.close()
    }

    /// Sends until there is an answer that says something; now and then it hangs up before. `isCertain`: nothing
    /// of the request may still be under way that could make the answer untrue.
    private mutating func send(_ request: Request, _ what: String) async throws
      -> (answer: Answer, isCertain: Bool)
    {
      var isFirst = true
      while true {
        let open: Connection
        if let connection {
          open = connection
        } else {
          open = try await Connection.open(load.stack.gate.port)
        }
        connection = open
        if random.next() % 16 == 0 {
          load.tally.withLock { $0.aborted += 1 }
          let future = open.start(request.bytes)
          await open.close()
          connection = nil
          // It may have been answered before the connection was gone.
          _ = try? await future.get()
          isFirst = false
          continue
        }
        let answer = try await open.send(request)
        // Late, and perhaps done all the same: asked again, it says what became of it.
        if answer.status == 503 {
          isFirst = false
          continue
        }
        load.note(answer, what)
        return (answer, isFirst || answer.status != 429)
      }
    }

    /// `unreported`: what is charged when nobody ever comes back to it.
    private mutating func check(
      _ user: TestUser, _ mode: String, _ feature: String, _ tokens: Int64, unreported: Int64
    ) async throws -> Answer {
      let ttl = mode == "reserve" ? #","ttl_s":\#(1 + random.next() % 3)"# : ""
      // The books keep the metadata, and so the key.
      let body = """
        {"feature":"\(feature)","tokens":\(tokens),"mode":"\(mode)"\(ttl),"metadata":{"key":"\(key)"}}
        """
      let request = Request("POST", "/v1/check", user.credentials + [("Idempotency-Key", key)], body)
      let (answer, isCertain) = try await send(request, "\(mode) \(user.id)")
      if !isCertain {
        let doubt = Doubt(user: user.id, key: key, request: request, tokens: unreported)
        load.tally.withLock { $0.doubts.append(doubt) }
      }
      return answer
    }

    private mutating func spend(_ user: TestUser) async throws {
      let tokens = Int64(100 + random.next() % 400)
      let answer = try await check(user, "spend", "note", tokens, unreported: tokens)
      if answer.status == 200 { load.add(tokens, to: user.id, key) }
    }

    private mutating func hold(_ user: TestUser) async throws {
      let releases = random.next() % 2 == 0
      var tokens = Int64(100 + random.next() % 900)
      let answer = try await check(
        user, "reserve", releases ? "gone" : "note", tokens, unreported: releases ? 0 : tokens)
      guard answer.status == 200, let id = answer.json["reservation"]["id"].string else { return }
      var reported: Int64?
      var expired: Int64?
      var isCertain = true
      if random.next() % 3 == 0 {
        let total = tokens + Int64(random.next() % 300)
        let soFar = random.next() % 2 == 0 ? Int64(random.next() % UInt64(tokens)) : nil
        let body = #"{"tokens":\#(total)\#(soFar.map { #","used_so_far":\#($0)"# } ?? "")}"#
        let extended: Answer
        (extended, isCertain) = try await act(id, "extend", body, user)
        if extended.status == 200 {
          tokens = total
          reported = soFar
        } else if extended.status == 409 {
          // Its time has passed, before this extend or after one that was never answered.
          expired = extended.json["tokens"].integer
        }
      }
      switch random.next() % 5 {
      case 0 where isCertain:
        // Nobody comes back: it is charged what was reported, else as its feature says.
        load.add(expired ?? reported ?? (releases ? 0 : tokens), to: user.id, id)
      case 1:
        let released = try await act(id, "release", nil, user).answer
        if released.status != 200 { load.wrong("release \(id): \(released.text)") }
      default:
        let used = Int64(random.next() % UInt64(tokens + 1))
        let settled = try await act(id, "settle", #"{"tokens":\#(used)}"#, user).answer
        if settled.status == 200 {
          load.add(used, to: user.id, id)
        } else {
          load.wrong("settle: \(settled.text)")
        }
      }
    }

    private mutating func act(_ id: String, _ action: String, _ body: String?, _ user: TestUser) async throws
      -> (answer: Answer, isCertain: Bool)
    {
      let path = "/v1/reservations/\(id)/\(action)"
      return try await send(Request("POST", path, load.stack.service, body), "\(action) \(user.id)")
    }
  }

  private func wrong(_ text: String) { tally.withLock { $0.wrong.append(text) } }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
