import Gate
import Synchronization

/// How many deliveries are worked on at once, and which of them together. Each group holds a connection to Postgres
/// from its first statement to its last; without a bound, the hundred thousand renewals of the first of a month would
/// take every connection from the checks that have to read their rights again because of them.
///
/// Those that wait are a group when a place is free: the first of them leads it, does the work of all and gives the
/// others their answers. So the more come, the less each costs. And a place may rest between two groups, which leaves
/// the processors to the checks however many wait.
package final class WebhookAdmission: Sendable {
  /// A delivery that waits for whoever leads its group.
  struct Follower: Sendable {
    let delivery: WebhookDelivery
    fileprivate let continuation: CheckedContinuation<Turn, Never>

    /// Ends its waiting; to be called once.
    func answer(_ answer: WebhookAnswer) { continuation.resume(returning: .answered(answer)) }
  }

  /// What a delivery is to do.
  enum Turn: Sendable {
    /// To process itself and its ``followers(of:)`` when the place has rested for so long, answer them, and
    /// ``leave(after:)``.
    case leads(rest: Duration)
    /// Another has done it.
    case answered(WebhookAnswer)
    /// Nothing: too many wait.
    case turnedAway
  }

  fileprivate struct State {
    var running = 0
    var waiting: [Follower] = []
    var first = 0
  }

  private let runningMax: Int
  private let waitingMax: Int
  private let groupMax: Int
  private let restPercent: Int
  private let state = Mutex(State())

  /// `runningMax` groups at once, each of at most `groupMax` deliveries, both 1 or more; `waitingMax` more wait for
  /// their turn, in the order they came. While some wait, a place rests after each group for `restPercent` of the time
  /// that the group took.
  package init(runningMax: Int, waitingMax: Int = 512, groupMax: Int = 32, restPercent: Int = 0) {
    precondition(runningMax > 0 && waitingMax >= 0 && groupMax > 0, "nobody would ever be let in")
    precondition(restPercent >= 0, "time goes one way")
    self.runningMax = runningMax
    self.waitingMax = waitingMax
    self.groupMax = groupMax
    self.restPercent = restPercent
  }

  /// Deliveries that wait for their turn now.
  package var waiting: Int { state.withLock { $0.waiting.count - $0.first } }

  /// Returns when it is the caller's turn, or another has taken the delivery along. At once when too many wait.
  func enter(_ delivery: WebhookDelivery) async -> Turn {
    // Asked and queued under one lock, within the continuation: between the two a place could be given away.
    await withCheckedContinuation { continuation in
      let turn: Turn? = state.withLock { state in
        if state.running < runningMax {
          state.running += 1
          return .leads(rest: .zero)
        }
        guard state.waiting.count - state.first < waitingMax else { return .turnedAway }
        state.waiting.append(Follower(delivery: delivery, continuation: continuation))
        return nil
      }
      if let turn { continuation.resume(returning: turn) }
    }
  }

  /// Takes those who wait longest out, for whoever leads.
  func followers(of leader: WebhookDelivery) -> [Follower] {
    state.withLock { state in
      var ids: Set = [leader.receipt.id]
      let start = state.first
      // A second delivery of one that is in the group waits for the next: it asks what became of the first.
      while state.first < state.waiting.count, ids.count < groupMax,
        ids.insert(state.waiting[state.first].delivery.receipt.id).inserted
      {
        state.first += 1
      }
      let followers = Array(state.waiting[start..<state.first])
      state.forgetThoseCalled()
      return followers
    }
  }

  /// Gives the place to whoever waits longest, after a group that took so long.
  func leave(after time: Duration) {
    let next: Follower? = state.withLock { state in
      guard state.first < state.waiting.count else {
        state.running -= 1
        return nil
      }
      let next = state.waiting[state.first]
      state.first += 1
      state.forgetThoseCalled()
      return next
    }
    next?.continuation.resume(returning: .leads(rest: time * restPercent / 100))
  }
}

extension WebhookAdmission.State {
  /// Their places are given back now and then, not one by one.
  fileprivate mutating func forgetThoseCalled() {
    guard first == waiting.count || first > 1024 else { return }
    waiting.removeFirst(first)
    first = 0
  }
}
