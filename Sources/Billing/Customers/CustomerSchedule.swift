import Gate
import Logging

/// Makes customers in the background, for whatever accounts have come by whatever way. One per gate: an account
/// is leased to one of them at a time.
package struct CustomerSchedule: Sendable {
  let maker: CustomerMaker
  let idleMilliseconds: Int64

  /// `idleMilliseconds` lie between two looks that find nothing, 1 or more.
  package init(maker: CustomerMaker, idleMilliseconds: Int64 = 2000) {
    self.maker = maker
    self.idleMilliseconds = idleMilliseconds
  }

  /// Runs until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      var made = 0
      do {
        made = try await maker.makeDue()
      } catch {
        maker.logger.debug("customers not looked for", metadata: ["error": "\(error)"])
      }
      guard made == 0 else { continue }
      do { try await Task.sleep(for: .milliseconds(idleMilliseconds)) } catch { return }
    }
  }
}
