import Billing
import BillingStores
import Testing

@Suite struct StripeClientTests {
  @Test func retriesKeepTheIdempotencyKey() async throws {
    let stripe = FakeStripe([nil, FakeStripe.error(500), FakeStripe.ok(["url": "https://x"])])
    let service = TestBench.service(TestBench.memory(), stripe.client)
    #expect(try await service.portal(user: "u1", returnURL: "https://back") == "https://x")
    #expect(stripe.requests.count == 3)
    let keys = Set(
      stripe.requests.flatMap { $0.headers.filter { $0.name == "Idempotency-Key" }.map(\.value) })
    #expect(keys.count == 1)
    #expect(
      stripe.requests.allSatisfy { $0.headers.contains { $0 == ("Stripe-Version", StripeClient.version) } })
    #expect(
      stripe.requests.allSatisfy { $0.headers.contains { $0 == ("Authorization", "Bearer sk_test_key") } })
    #expect(stripe.delays.count == 2)
    #expect((250...500).contains(stripe.delays[0]) && (500...1000).contains(stripe.delays[1]))
  }

  @Test func attemptsEnd() async throws {
    let stripe = FakeStripe([])
    let service = TestBench.service(TestBench.memory(), stripe.client)
    await #expect(throws: BillingFault.self) { try await service.portal(user: "u1", returnURL: nil) }
    #expect(stripe.requests.count == StripeRetry.attemptsMax)
  }

  @Test func whatIsWorthARetry() {
    #expect(StripeRetry.isWorthwhile(nil))
    for (status, worth) in [
      (400, false), (401, false), (402, false), (404, false), (409, true), (429, true),
      (500, true), (503, true),
    ] {
      #expect(StripeRetry.isWorthwhile(StripeReply(status: status, body: [])) == worth, "\(status)")
      for word in [true, false] {
        #expect(StripeRetry.isWorthwhile(StripeReply(status: status, shouldRetry: word, body: [])) == word)
      }
    }
  }

  @Test func delaysGrowAndAreCapped() {
    #expect(
      (2...9).map { StripeRetry.delayMilliseconds(attempt: $0, jitter: 1) } == [
        500, 1000, 2000, 4000, 5000, 5000, 5000, 5000,
      ])
    #expect(StripeRetry.delayMilliseconds(attempt: 2, jitter: 0) == 250)
    #expect(StripeRetry.delayMilliseconds(attempt: .max, jitter: 7) == 5000)
  }

  @Test func modeOfAKey() {
    #expect(StripeClient.isLive(key: "sk_live_1") == true)
    #expect(StripeClient.isLive(key: "rk_test_1") == false)
    #expect(StripeClient.isLive(key: "anything") == nil)
  }
}
