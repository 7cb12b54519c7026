internal import Gate
internal import Synchronization

/// Counts the sign-ins that failed, by address. Keys can't be guessed; this keeps whoever tries from filling
/// the log and Postgres' time.
final class SignInAttempts: Sendable {
  /// Failures of one address in a window; then it has to wait for the window's end.
  static let failuresMax = 10
  static let windowSeconds: Int64 = 60
  /// Addresses that are remembered; when there are more, the oldest windows are forgotten.
  static let addressesMax = 1_024

  private struct Window {
    var start: Instant
    var failures: Int
  }
  private let windows = Mutex<[String: Window]>([:])

  /// Seconds until an address may try again; nil: it may now.
  func wait(for address: String, at now: Instant) -> Int64? {
    windows.withLock { windows in
      guard let window = windows[address], window.failures >= SignInAttempts.failuresMax else { return nil }
      let end = window.start.advanced(seconds: SignInAttempts.windowSeconds)
      return now < end ? max(1, end.seconds - now.seconds) : nil
    }
  }

  func noteFailure(of address: String, at now: Instant) {
    windows.withLock { windows in
      var window = windows[address] ?? Window(start: now, failures: 0)
      if now >= window.start.advanced(seconds: SignInAttempts.windowSeconds) {
        window = Window(start: now, failures: 0)
      }
      window.failures += 1
      windows[address] = window
      while windows.count > SignInAttempts.addressesMax,
        let oldest = windows.min(by: { $0.value.start < $1.value.start })
      {
        windows[oldest.key] = nil
      }
    }
  }
}
