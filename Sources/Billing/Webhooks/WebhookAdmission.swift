import Synchronization

/// How many deliveries are worked on at once. Each holds a connection to Postgres from its first statement to its
/// last; without a bound, the hundred thousand renewals of the first of a month would take every connection from
/// the checks that have to read their rights again because of them.
package final class WebhookAdmission: Sendable {
  private struct State {
    var running = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
    var first = 0
  }

  private let runningMax: Int
  private let waitingMax: Int
  private let state = Mutex(State())

  /// `runningMax` deliveries at once, 1 or more; `waitingMax` more wait for their turn, in the order they came.
  package init(runningMax: Int, waitingMax: Int = 512) {
    precondition(runningMax > 0 && waitingMax >= 0, "nobody would ever be let in")
    self.runningMax = runningMax
    self.waitingMax = waitingMax
  }

  /// Returns when it is the caller's turn, who then has to ``leave()``. False at once when too many wait.
  func enter() async -> Bool {
    enum Answer { case now, later, never }
    // Asked and queued under one lock, within the continuation: between the two a place could be given away.
    var answer = Answer.later
    await withCheckedContinuation { continuation in
      answer = state.withLock { state in
        if state.running < runningMax {
          state.running += 1
          return .now
        }
        guard state.waiting.count - state.first < waitingMax else { return .never }
        state.waiting.append(continuation)
        return .later
      }
      if answer != .later { continuation.resume() }
    }
    return answer != .never
  }

  /// Gives the place to whoever waits longest.
  func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard state.first < state.waiting.count else {
        state.running -= 1
        return nil
      }
      let next = state.waiting[state.first]
      state.first += 1
      // Places of those who were called are given back now and then, not one by one.
      if state.first == state.waiting.count || state.first > 1024 {
        state.waiting.removeFirst(state.first)
        state.first = 0
      }
      return next
    }
    next?.resume()
  }
}
