import Billing
import BillingStores
import Gate
import Testing

@Suite struct CustomerTests {
  private func maker(_ store: MemoryBillingStore, _ stripe: FakeStripe) -> CustomerMaker {
    CustomerMaker(orders: store, stripe: stripe.client, logger: TestBench.logger)
  }

  @Test func eachAccountGetsOne() async throws {
    let store = TestBench.memory()
    let stripe = FakeStripe { request in
      FakeStripe.ok(["id": request.body?.contains("tenant_id") == true ? "cus_t1" : "cus_u2"])
    }
    let maker = maker(store, stripe)
    #expect(try await maker.makeDue() == 2)
    #expect(store.now.accounts[.user("u2")]?.customer == "cus_u2")
    #expect(store.now.accounts[.tenant("t1")]?.customer == "cus_t1")
    #expect(store.now.accounts[.user("u1")]?.customer == "cus_1")
    #expect(try await maker.makeDue() == 0)
    let keys = stripe.requests.flatMap { $0.headers.filter { $0.name == "Idempotency-Key" }.map(\.value) }
    #expect(keys.sorted() == ["tollgate-customer-tenant:t1", "tollgate-customer-user:u2"])
    let ofUser = try #require(stripe.requests.first { $0.body?.contains("u2") == true })
    #expect(ofUser.body == "email=two%40example.com&metadata[user_id]=u2")
  }

  /// An attempt whose outcome nobody knows: before the next one it is looked for.
  @Test func whatWasMadeIsFound() async throws {
    let store = TestBench.memory()
    store.change { $0.orders[.user("u2")] = CustomerOrder(account: .user("u2"), email: nil) }
    let stripe = FakeStripe { request in
      request.path.hasPrefix("/v1/customers/search?")
        ? FakeStripe.ok(["data": [["id": "cus_7", "metadata": ["user_id": "u2"]]]])
        : FakeStripe.ok(["url": "https://checkout"])
    }
    let service = TestBench.service(store, stripe.client, links: BillingServiceTests.links)
    _ = try await service.checkout(user: "u2", .subscriptionPrice("price_pro", seats: 1))
    #expect(store.now.accounts[.user("u2")]?.customer == "cus_7")
    #expect(
      stripe.requests.first?.path
        == "/v1/customers/search?query=metadata%5B%22user_id%22%5D%3A%22u2%22")
    #expect(!stripe.requests.contains { $0.path == "/v1/customers" })
  }

  @Test func failuresComeAgain() async throws {
    let store = TestBench.memory()
    let stripe = FakeStripe { _ in FakeStripe.error(400, code: "email_invalid") }
    #expect(try await maker(store, stripe).makeDue() == 2)
    #expect(store.now.accounts[.user("u2")]?.customer == nil)
    #expect(try await maker(store, stripe).makeDue() == 2)
  }
}
