internal import CCounting
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Stops an event loop between two of its tasks, for what is written meanwhile to be found all at once; and has its
/// thread count, or not, while it runs. The time that it stands isn't counted.
final class LoopHold: Sendable {
  private enum State { case running, standing, released }

  private struct Shared {
    var counts = hot_path_counts()
    var isCounting = false
    var begins = false
  }

  private let loop: any EventLoop
  private let state = ConditionLock(value: State.running)
  private let shared = NIOLockedValueBox(Shared())

  init(_ loop: any EventLoop) { self.loop = loop }

  /// Returns once the loop stands. Not to be called on it.
  func stop() {
    loop.execute { self.stand() }
    state.lock(whenValue: .standing)
    state.unlock()
  }

  /// Lets the loop go on; `counting` says whether it counts from here on, and then from 0; else that stays as it was.
  func release(counting: Bool? = nil) {
    if let counting {
      shared.withLockedValue { shared in
        shared.isCounting = counting
        shared.begins = counting
      }
    }
    state.lock(whenValue: .standing)
    state.unlock(withValue: .released)
  }

  /// What the loop has counted; while it stands.
  func counts(iterations: Int) -> Counts {
    let counts = shared.withLockedValue { $0.counts }
    return Counts(
      iterations: iterations, allocations: counts.allocations, bytes: counts.bytes,
      nanoseconds: counts.nanoseconds)
  }

  private func stand() {
    hot_path_end()
    shared.withLockedValue { $0.counts = hot_path_counted() }
    state.lock(whenValue: .running)
    state.unlock(withValue: .standing)
    state.lock(whenValue: .released)
    state.unlock(withValue: .running)
    let (begins, isCounting) = shared.withLockedValue { shared in
      defer { shared.begins = false }
      return (shared.begins, shared.isCounting)
    }
    if begins { hot_path_reset() }
    if isCounting { hot_path_begin() }
  }
}
