import Billing
import BillingStores
import Gate
import Testing

extension History {
  /// Posts letters, signed, one after the other when all has happened, to a store in memory.
  func post(_ letters: [Letter]) async throws -> EndState {
    let store = MemoryBillingStore(blank)
    let bench = try HistoryBench(store)
    for letter in letters { #expect(await bench.post(letter, now: end) == .received) }
    return EndState(store.now, now: Instant(seconds: end))
  }
}
