import Signatures
import StripeFake
import Testing

@Suite struct WebhookTests {
  static let secrets = ["whsec_first_of_the_fake", "whsec_second_of_the_fake"]

  private func sandbox(_ modes: Set<DeliveryMode> = [], seed: UInt64 = 7) throws -> StripeSandbox {
    var sandbox = StripeSandbox(Shop.open())
    sandbox.webhooks = WebhookQueue(
      endpoints: [WebhookEndpoint("http://gate/webhooks/stripe", secrets: WebhookTests.secrets)],
      modes: modes, seed: seed)
    _ = try sandbox.account.signUp(email: "a@example.com", price: "price_pro")
    return sandbox
  }

  @Test func deliveriesAreSignedFreshWithEverySecret() throws {
    var sandbox = try sandbox()
    let real: Int64 = 1_900_000_000
    let deliveries = sandbox.takeDeliveries(realNow: real)
    #expect(deliveries.count == sandbox.account.events.count)
    for delivery in deliveries {
      for secret in WebhookTests.secrets {
        try StripeSignature.verify(
          header: delivery.signature, rawBody: delivery.body, secrets: try WebhookSecrets([secret]),
          now: real)
      }
      #expect(throws: StripeSignature.Refusal.mismatch) {
        try StripeSignature.verify(
          header: delivery.signature, rawBody: delivery.body + [32],
          secrets: try WebhookSecrets(WebhookTests.secrets), now: real)
      }
    }
  }

  @Test func failuresAreRetriedOnTheAccountsClock() throws {
    var sandbox = try sandbox()
    let first = sandbox.takeDeliveries(realNow: 1_900_000_000)
    for delivery in first.dropFirst() {
      sandbox.webhooks.finish(delivery.number, .status(200), now: Shop.start)
    }
    sandbox.webhooks.finish(first[0].number, .status(500), now: Shop.start)
    let event = sandbox.account.events.ids[0]
    #expect(sandbox.webhooks.undelivered == [event])
    #expect(sandbox.takeDeliveries(realNow: 1_900_000_001).isEmpty)
    sandbox.account.advance(seconds: 10)
    let retry = sandbox.takeDeliveries(realNow: 1_900_000_099)
    #expect(retry.map(\.number) == [first[0].number] && retry[0].body == first[0].body)
    #expect(retry[0].signature.hasPrefix("t=1900000099,"))
    sandbox.webhooks.finish(retry[0].number, .noAnswer, now: sandbox.account.now)
    var attempts = 2
    for _ in 0..<200 where !sandbox.webhooks.isIdle {
      sandbox.account.advance(hours: 1)
      for delivery in sandbox.takeDeliveries(realNow: 1_900_000_100) where delivery.number == first[0].number
      {
        attempts += 1
        sandbox.webhooks.finish(delivery.number, .noAnswer, now: sandbox.account.now)
      }
    }
    #expect(sandbox.webhooks.deliveries(of: event)[0].state == .givenUp)
    #expect(sandbox.webhooks.deliveries(of: event)[0].attempts.count == attempts && attempts > 5)
    sandbox.webhooks.resend(event, now: sandbox.account.now)
    let resent = sandbox.takeDeliveries(realNow: 1_900_000_200)
    #expect(resent.map(\.body) == [first[0].body])
    sandbox.webhooks.finish(resent[0].number, .status(204), now: sandbox.account.now)
    #expect(sandbox.webhooks.undelivered == [])
  }

  @Test func aPlanIsItsSeeds() throws {
    var shop = Shop.open()
    _ = try shop.signUp(email: "a@example.com", price: "price_pro")
    let events = shop.takeEvents()
    for modes in [
      Set<DeliveryMode>(), [.shuffled], [.duplicated], [.twins], [.delayed], Set(DeliveryMode.allCases),
    ] {
      var plans: [[DeliveryPlan.Step]] = []
      for seed in [UInt64(3), 3, 4] {
        var (copy, generator) = (shop, SplitMix(seed: seed))
        plans.append(DeliveryPlan.make(events, modes, using: &generator, account: &copy))
      }
      #expect(plans[0] == plans[1])
      #expect((plans[0] == plans[2]) == modes.isEmpty)
      let bodies = Set(plans[0].map(\.event.object.id))
      #expect(bodies == Set(events.map(\.object.id)), "nothing gets lost")
    }
    var (copy, generator) = (shop, SplitMix(seed: 1))
    #expect(DeliveryPlan.make(events, [], using: &generator, account: &copy).map(\.event) == events)
    let shuffled = DeliveryPlan.arrivals(events, [.shuffled], seed: 1, account: &copy)
    #expect(shuffled != events && shuffled.map(\.id).sorted() == events.map(\.id).sorted())
    let doubled = DeliveryPlan.arrivals(events, [.duplicated], seed: 1, account: &copy)
    #expect(doubled.count > events.count && Set(doubled.map(\.id)) == Set(events.map(\.id)))
    let twins = DeliveryPlan.arrivals(events, [.twins], seed: 1, account: &copy)
    #expect(Set(twins.map(\.id)).count == twins.count && twins.count > events.count)
    #expect(twins.allSatisfy { copy.events[$0.id] != nil })
  }

  @Test func droppedAttemptsComeByARetry() throws {
    var sandbox = try sandbox([.dropped, .delayed])
    var seen: Set<Int> = []
    for _ in 0..<120 where !sandbox.webhooks.isIdle || seen.isEmpty {
      for delivery in sandbox.takeDeliveries(realNow: 1_900_000_000) {
        seen.insert(delivery.number)
        sandbox.webhooks.finish(delivery.number, .status(200), now: sandbox.account.now)
      }
      sandbox.account.advance(seconds: 60)
    }
    #expect(seen.count == sandbox.account.events.count && sandbox.webhooks.isIdle)
    let outcomes = sandbox.webhooks.deliveries.flatMap(\.attempts).map(\.outcome)
    #expect(outcomes.contains(.dropped) && sandbox.webhooks.undelivered == [])
  }

  @Test func whatHappenedSurvivesARestart() throws {
    var sandbox = try sandbox()
    _ = sandbox.takeDeliveries(realNow: 1_900_000_000)
    let snapshot = SandboxSnapshot(sandbox)
    var next = StripeSandbox(Shop.open(seed: 2))
    next.webhooks = WebhookQueue(endpoints: sandbox.webhooks.endpoints)
    snapshot.restore(&next)
    #expect(next.account.subscriptions.all == sandbox.account.subscriptions.all)
    #expect(next.account.events.ids == sandbox.account.events.ids)
    // What was on its way is sent again, and nothing else.
    #expect(next.takeDeliveries(realNow: 1_900_000_000).count == sandbox.account.events.count)
    #expect(next.takeDeliveries(realNow: 1_900_000_000).isEmpty)
  }
}
