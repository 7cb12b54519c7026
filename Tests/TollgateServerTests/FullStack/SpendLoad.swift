import NIOCore
import Synchronization
import Testing

/// Spends over and over, from many connections, until told to stop. What it counts is what a caller knows:
/// what was acknowledged, and what may or may not have been taken.
final class SpendLoad: Sendable {
  struct Tally: Sendable {
    /// Tokens of answers 200.
    var acknowledged: Int64 = 0
    /// Tokens of requests that got no answer, or a 503.
    var unknown: Int64 = 0
    var statuses: [Int: Int] = [:]
    /// The least that an answer said was used, since ``SpendLoad/mark()``.
    var usedLeast = Int64.max

    func count(_ status: Int) -> Int { statuses[status] ?? 0 }
  }

  private let stack: Stack
  private let request: Request
  private let tokens: Int64
  private let tally = Mutex(Tally())
  private let isStopped = Mutex(false)

  init(_ stack: Stack, _ request: Request, tokens: Int64) {
    self.stack = stack
    self.request = request
    self.tokens = tokens
  }

  var now: Tally { tally.withLock { $0 } }

  func stop() { isStopped.withLock { $0 = true } }

  /// Forgets what answers said was used so far.
  func mark() { tally.withLock { $0.usedLeast = .max } }

  /// Waits until so many more answers have come.
  func waitForAnswers(_ count: Int, status: Int = 200) async throws {
    let start = now.count(status)
    try await eventually(within: .seconds(20), "\(count) answers \(status)") {
      now.count(status) - start >= count
    }
  }

  /// Runs the load beside `body`; both have ended when it returns. What the load has counted comes back.
  func run(connections: Int, beside body: @Sendable () async throws -> Void) async throws -> Tally {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<connections { group.addTask { await self.spend() } }
      do { try await body() } catch {
        self.stop()
        throw error
      }
      self.stop()
      try await group.waitForAll()
    }
    return now
  }

  private func spend() async {
    var connection: Connection?
    while !isStopped.withLock({ $0 }) {
      do {
        if connection == nil { connection = try await Connection.open(stack.gate.port) }
      } catch {
        // Nobody listens just now: nothing was sent, nothing can have been taken.
        try? await Task.sleep(for: .milliseconds(5))
        continue
      }
      guard let open = connection else { continue }
      do {
        note(try await open.send(request))
      } catch {
        await open.close()
        connection = nil
        tally.withLock { $0.unknown += tokens }
      }
    }
    await connection?.close()
  }

  private func note(_ answer: Answer) {
    let used = answer.budget.used
    tally.withLock { tally in
      tally.statuses[answer.status, default: 0] += 1
      if answer.status == 200 {
        tally.acknowledged += tokens
        tally.usedLeast = min(tally.usedLeast, used ?? .max)
      } else if answer.status == 503 {
        tally.unknown += tokens
      }
    }
  }
}
