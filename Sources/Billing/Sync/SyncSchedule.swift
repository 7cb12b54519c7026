import Gate
import Logging

/// Compares with Stripe every few hours, on whichever gate takes the lease first.
package struct SyncSchedule: Sendable {
  let sync: StripeSync
  let hours: Int64
  /// How often it is looked whether it is time.
  let pollSeconds: Int64

  /// `hours`: 1 to 720. `pollSeconds`: 1 or more.
  package init(sync: StripeSync, hours: Int64, pollSeconds: Int64 = 60) {
    self.sync = sync
    self.hours = hours
    self.pollSeconds = pollSeconds
  }

  /// Runs until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      // Gates that were started together don't ask together.
      let milliseconds = Int64.random(in: pollSeconds * 500...pollSeconds * 1500)
      do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch { return }
      await runIfDue()
    }
  }

  /// One look; true when it was time and this process did it.
  @discardableResult
  package func runIfDue() async -> Bool {
    let owner = "schedule-\(String(UInt64.random(in: 1 ... .max), radix: 36))"
    let run: SyncRun
    do {
      run = try await sync.positions.beginSync(
        .sinceLastRun, owner: owner, leaseSeconds: StripeSync.leaseSeconds,
        ifLastBefore: sync.now().advanced(seconds: -hours * 3600))
    } catch {
      if case .store(let cause) = error {
        sync.logger.warning("stripe sync did not begin", metadata: ["error": "\(cause)"])
      }
      return false
    }
    do {
      _ = try await sync.run(run)
      return true
    } catch {
      // Whoever looks next goes on there.
      sync.logger.warning("stripe sync stopped", metadata: ["error": "\(error)"])
      await sync.release(run)
      return false
    }
  }
}
