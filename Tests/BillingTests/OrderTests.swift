import Billing
import BillingStores
import Gate
import Testing

@Suite struct OrderTests {
  /// In many orders, each event twice at the end: one state. All orders of the short histories in one shape,
  /// a sample of the others; the seed is printed.
  @Test(arguments: Payloads.Shape.allCases)
  func anyOrderEndsInOneState(shape: Payloads.Shape) async throws {
    var random = SplitMix.seeded("ORDER_SEED")
    for history in Histories.all(shape) {
      var first: [String]?
      let orders = permutations(Array(history.events.indices)).shuffled(using: &random)
      for order in [Array(history.events.indices)] + orders.prefix(shape == .basil ? 60 : 12) {
        let store = TestBench.memory()
        let bench = try TestBench(store)
        for index in order { #expect(await bench.send(history.events[index]) == .received) }
        let view = store.now.view
        for index in order { await bench.send(history.events[index]) }
        #expect(store.now.view == view)
        let expected = first ?? view
        first = expected
        guard view == expected else {
          Issue.record("\(history), order \(order): \(view) instead of \(expected)")
          break
        }
        #expect(Dictionary(grouping: store.now.liveGrants, by: \.account).values.allSatisfy { $0.count <= 1 })
      }
    }
  }

  @Test func endsOfTheHistories() async throws {
    let expected: [String: (plan: String?, status: String, tokens: [Int64])] = [
      "a renewal that fails at first": ("pro", "active", [TestCatalog.proTokens]),
      "bought and canceled": (nil, "canceled", []),
      "a trial and its first payment": ("pro", "active", [TestCatalog.proTokens]),
      "a trial under way": ("pro", "trialing", [TestCatalog.trialTokens]),
      "an upgrade within the period": ("pro", "active", [TestCatalog.proTokens]),
      "a downgrade that waits for the renewal": ("basic", "active", [500_000]),
      "nobody knows the customer but the session": ("pro", "active", [TestCatalog.proTokens]),
    ]
    for history in Histories.all(.basil) {
      let store = TestBench.memory()
      let bench = try TestBench(store)
      for event in history.events { await bench.send(event) }
      let end = try #require(expected[history.description])
      let account = try #require(store.now.subscriptions["sub_1"]?.account)
      #expect(store.now.accounts[account]?.plan == end.plan, "\(history)")
      #expect(store.now.subscriptions["sub_1"]?.status == end.status, "\(history)")
      #expect(store.now.liveGrants.map(\.tokens) == end.tokens, "\(history)")
    }
  }
}
