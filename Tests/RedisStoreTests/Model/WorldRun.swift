import Gate
import Testing

@testable import RedisStore

/// One world played against a Redis.
struct WorldRun {
  struct Counts: CustomStringConvertible {
    var operations = 0
    var entries = 0
    var rebuilds = 0
    var letters: [String: Int] = [:]

    mutating func add(_ other: Counts) {
      operations += other.operations
      entries += other.entries
      rebuilds += other.rebuilds
      letters.merge(other.letters, uniquingKeysWith: +)
    }
    var description: String {
      let letters = letters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      return "\(operations) operations, \(entries) entries, \(rebuilds) rebuilds; \(letters)"
    }
  }

  let bed: RedisBed
  var world: World
  let seed: UInt64
  var books = TestBooks()
  var counts = Counts()
  private var history: [String] = []
  private static let batch = 200

  init(bed: RedisBed, world: World, seed: UInt64) {
    self.bed = bed
    self.world = world
    self.seed = seed
  }

  /// False when something differed.
  mutating func play(operations: Int) async throws -> Bool {
    try await rebuild(isFirst: true)
    while counts.operations < operations {
      var steps: [WorldStep] = []
      for _ in 0..<min(WorldRun.batch, operations - counts.operations) { steps.append(world.step()) }
      guard try await send(steps), try await flush() else { return false }
      if world.random.chance(40) { try await rebuild(isFirst: false) }
    }
    return true
  }

  private mutating func send(_ steps: [WorldStep]) async throws -> Bool {
    var commands: [[RedisArgument]] = []
    for step in steps {
      commands += step.preparation
      commands.append(step.question)
      for (id, _) in step.touched {
        commands.append(["HGETALL", .text(world.calls.keyspace.account(id, bucket: 0))])
      }
      commands.append(["GET", .text(world.calls.keyspace.readableRest(user: step.readable.user, bucket: 0))])
    }
    let replies = try await bed.pipeline(commands)
    var at = 0
    for step in steps {
      at += step.preparation.count
      counts.operations += 1
      history.append("\(step.now): \(step.text)")
      let difference = WorldRun.compare(step, replies[at...], epoch: world.model.epoch)
      if let difference {
        report("\(step.text) at \(step.now)\n\(difference)")
        return false
      }
      let verb = step.text.prefix { $0 != " " }
      if case .answer(let answer) = step.expected {
        counts.letters["\(verb) \(answer.letter)", default: 0] += 1
      }
      if case .report(let answer) = step.expected {
        counts.letters["\(verb) \(answer.letter)", default: 0] += 1
      }
      if case .number(let number) = step.expected { counts.letters["\(verb) \(number)", default: 0] += 1 }
      at += 2 + step.touched.count
    }
    return true
  }

  private func report(_ text: String) {
    let recent = history.suffix(12).joined(separator: "\n  ")
    Issue.record("seed \(seed), \(world.tempo), operation \(counts.operations): \(text)\n  \(recent)")
  }

  /// What differs; nil for nothing.
  private static func compare(_ step: WorldStep, _ replies: ArraySlice<RedisValue>, epoch: Int64) -> String? {
    var at = replies.startIndex
    let reply = replies[at]
    switch step.expected {
    case .number(let number):
      if reply != .integer(number) { return "answered \(reply), expected \(number)" }
    case .answer(let expected), .report(let expected):
      var isReport = false
      if case .report = step.expected { isReport = true }
      let decoded =
        isReport
        ? AnswerDecoding.report(reply, now: expected.now) : AnswerDecoding.decode(reply, now: expected.now)
      guard var answer = decoded else {
        return "answered \(reply.string ?? "\(reply)"), expected \(expected)"
      }
      // An earlier end of a hold may still be noted: a little early is fine.
      if "Nn".contains(answer.letter), answer.retry > 0, answer.retry <= expected.retry {
        answer.retry = expected.retry
      }
      for (index, rule) in expected.rules.enumerated() where index < answer.rules.count {
        let retry = answer.rules[index].retryAfterMilliseconds
        if rule.rule == .concurrent || rule.rule == .featureConcurrent, retry > 0,
          retry <= rule.retryAfterMilliseconds
        {
          answer.rules[index].retryAfterMilliseconds = rule.retryAfterMilliseconds
        }
      }
      if answer != expected { return "answered \(answer)\nexpected \(expected)" }
    }
    for (id, expected) in step.touched {
      at += 1
      guard let state = AccountState(replies[at])?.counting(at: step.now, next: expected.nextExpiry)
      else {
        return "\(id) is unreadable: \(replies[at])"
      }
      if state != expected { return "\(id) is       \(state)\nexpected \(expected)" }
    }
    at += 1
    if replies[at].integer != step.readable.value {
      return "readable rest is \(replies[at]), expected \(step.readable.value ?? -1)"
    }
    return nil
  }

  // MARK: The books

  /// Takes the stream's entries, and compares their sums with all that was ever used and owed.
  private mutating func flush() async throws -> Bool {
    let stream = RedisArgument.text(world.calls.keyspace.stream(bucket: 0))
    let entries = try await bed.command("XRANGE", stream, "-", "+").array ?? []
    for entry in entries {
      guard let parts = entry.array, let id = parts[0].string.flatMap({ StreamID($0) }),
        let text = parts[1].array?.last?.string
      else { continue }
      books.add(text, id: id)
    }
    try await bed.command("DEL", stream)
    counts.entries += entries.count
    if let difference = booksDiffer() {
      report("the books: \(difference)")
      return false
    }
    return true
  }

  private func booksDiffer() -> String? {
    if let text = books.unreadable.first { return "unreadable: \(text)" }
    var seen: Set<TestBooks.Line> = []
    for (id, account) in world.model.accounts {
      if books.debt[id] ?? 0 != account.debt {
        return "\(id) owes \(account.debt), by the books \(books.debt[id] ?? 0)"
      }
      for reference in Set(account.past.keys).union(account.grants.map(\.reference)) {
        let line = TestBooks.Line(account: id, grant: reference)
        seen.insert(line)
        if books.used[line] ?? 0 != account.booked(reference) {
          return
            "\(id) used \(account.booked(reference)) of \(reference), by the books \(books.used[line] ?? 0)"
        }
      }
    }
    for (line, used) in books.used where used != 0 && !seen.contains(line) {
      return "the books have \(used) of \(line), which was never used"
    }
    func inOrder(_ crossings: [ModelCrossing]) -> [AccountID: [ModelCrossing]] {
      Dictionary(grouping: crossings, by: \.account)
    }
    let (told, expected) = (inOrder(books.crossings), inOrder(world.model.crossings))
    if told != expected {
      let account = told.keys.first { told[$0] != expected[$0] } ?? expected.keys.first { told[$0] == nil }
      return "thresholds of \(account.map(\.description) ?? "-"): \(account.flatMap { told[$0] } ?? [])\n"
        + "expected \(account.flatMap { expected[$0] } ?? [])"
    }
    for (user, tokens) in world.model.tokens where books.tokens[user] ?? 0 != tokens {
      return "\(user) used \(tokens), by the books \(books.tokens[user] ?? 0)"
    }
    return nil
  }

  /// Loses everything, and loads it again from the books.
  private mutating func rebuild(isFirst: Bool) async throws {
    try await bed.command("FLUSHALL")
    if !isFirst { counts.rebuilds += 1 }
    let hourUsed = isFirst ? 0 : world.random.number(0...500)
    var commands = [world.clockCommand()]
    var loads: [Int] = []
    var told: [AccountID: (version: Int64, grants: [Grant])] = [:]
    for id in world.owners.keys.sorted(by: { $0.description < $1.description }).shuffled(using: &world.random)
    {
      guard let owner = world.owners[id] else { continue }
      let granted = owner.live(at: world.model.now)
      told[id] = (owner.version, granted)
      let snapshot = books.snapshot(
        of: id, tenant: owner.tenant, version: owner.version, granted: granted, hourUsed: hourUsed,
        now: world.model.now)
      commands += world.calls.load(snapshot, epoch: world.model.epoch, now: world.model.now)
      loads.append(commands.count - 1)
    }
    let replies = try await bed.pipeline(commands)
    for index in loads { #expect(replies[index] == .integer(1)) }
    world.model.rebuild(told, hourUsed: hourUsed)
    history.append("\(world.model.now): rebuilt")
    let keys = told.keys.sorted { $0.description < $1.description }
    let raws = try await bed.pipeline(
      keys.map { ["HGETALL", .text(world.calls.keyspace.account($0, bucket: 0))] })
    for (id, raw) in zip(keys, raws) {
      guard let account = world.model.account(id, epoch: world.model.epoch) else { continue }
      let expected = AccountState(account, of: id, epoch: world.model.epoch)
      let state = AccountState(raw)?.counting(at: world.model.now, next: expected.nextExpiry)
      if state != expected {
        report("rebuilt \(id) is \(state.map { "\($0)" } ?? "nothing")\nexpected \(expected)")
      }
    }
  }
}
