import Billing
import Foundation
import Gate
import Testing

@Suite struct DecoderTests {
  static let fixtures: [String] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".json") }.sorted().map { folder.appending(path: $0).path }
  }()

  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Objects that no fixture has.
  static var others: [(String, [String: Any])] {
    [
      (
        "charge.refunded",
        [
          "id": "ch_1", "object": "charge", "amount": 2000, "amount_refunded": 2000, "refunded": true,
          "payment_intent": ["id": "pi_1", "invoice": "in_1"], "customer": "cus_1",
        ]
      ),
      ("charge.dispute.created", ["id": "dp_1", "object": "dispute", "charge": ["id": "ch_1"], "amount": 5]),
      (
        "invoice_payment.paid",
        [
          "id": "inpay_1", "object": "invoice_payment", "invoice": "in_1",
          "payment": ["payment_intent": "pi_1"],
        ]
      ),
      (
        "customer.updated",
        ["id": "cus_1", "object": "customer", "email": "a@b.c", "metadata": ["user_id": 7]]
      ),
      (
        "checkout.session.completed",
        [
          "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid",
          "metadata": ["price": "price_pack", "quantity": "2"], "amount_total": 900,
          "line_items": ["data": [["price": ["id": "price_pack"], "quantity": 2]]],
        ]
      ),
    ]
  }

  /// What an event says is the same after it was written and read again.
  @Test(arguments: fixtures)
  func writingAndReading(path: String) throws {
    let value = try #require(JSONValue(json: Self.bytes(path)))
    #expect(JSONValue(json: Array(value.text.utf8)) == value)
  }

  @Test func writingOddThings() throws {
    let odd = JSONValue.object([
      "a\"\\\u{1}\n": .string("Zoë 🚀 \u{7}\"\\"), "n": .int(.min), "d": .double(1.5e300), "x": .null,
      "l": .array([.bool(true), .object([:])]),
    ])
    #expect(JSONValue(json: Array(odd.text.utf8)) == odd)
    #expect(JSONValue.double(.infinity).text == "null")
  }

  @Test func otherObjectsAreFuzzed() throws {
    var random = SplitMix.seeded("FUZZ_SEED")
    let payloads = Payloads()
    let decider = BillingDecider(catalog: TestCatalog.catalog)
    for (type, object) in Self.others {
      for _ in 0..<400 {
        var changed: Any = object
        for _ in 0..<Int.random(in: 1...6, using: &random) { changed = Self.mutate(changed, &random) }
        guard let members = changed as? [String: Any],
          let event = StripeEvent(rawBody: payloads.event("evt_1", type, members))
        else { continue }
        let billing = BillingEvent(event, isLive: nil)
        let facts = BillingFacts(
          owner: BillingAccount(account: .user("u1")), plans: TestCatalog.prices,
          purchases: [.init(source: "invoice", reference: "in_1", account: .user("u1"))])
        _ = (billing.locks, billing.makesKnown, billing.question.waitsFor)
        _ = decider.decide(billing, facts: facts, now: TestBench.now)
      }
    }
  }

  @Test func fixturesAreThere() { #expect(Self.fixtures.count >= 7) }

  @Test(arguments: fixtures)
  func fixturesAreRead(path: String) throws {
    let event = try #require(StripeEvent(rawBody: Self.bytes(path)))
    let billing = BillingEvent(event, isLive: nil)
    if case .ignored(let reason) = billing { Issue.record("\(reason)") }
    if case .unreadable = billing { Issue.record("unreadable") }
    let question = billing.question
    #expect(question.subscription?.hasPrefix("sub_") == true)
    #expect(question.owner.contains { if case .customer = $0 { true } else { false } })
    if event.type != "checkout.session.completed" { #expect(question.prices.count == 1) }
  }

  @Test(arguments: Payloads.Shape.allCases)
  func allShapesMeanTheSame(shape: Payloads.Shape) throws {
    func question(_ shape: Payloads.Shape, _ type: String, _ make: (Payloads) -> [String: Any]) throws
      -> BillingQuestion
    {
      let payloads = Payloads(shape: shape, metadata: ["user_id": "u1"])
      let event = try #require(StripeEvent(rawBody: payloads.event("evt_1", type, make(payloads))))
      return BillingEvent(event, isLive: nil).question
    }
    let invoice = try question(shape, "invoice.paid") { $0.invoice("in_1") }
    #expect(invoice.subscription == "sub_1")
    #expect(invoice.prices == ["price_pro"])
    #expect(invoice.owner == [.user("u1"), .subscription("sub_1"), .customer("cus_1")])
    let subscription = try question(shape, "customer.subscription.updated") { $0.subscription() }
    #expect(subscription.owner == [.user("u1"), .subscription("sub_1"), .customer("cus_1")])
    #expect(subscription.prices == ["price_pro"])
  }

  /// Where both shapes are present and differ, the new place is right.
  @Test func newBeforeOld() throws {
    let payloads = Payloads(shape: .both)
    let object = payloads.invoice("in_1", extra: ["subscription": "sub_old"])
    let event = try #require(StripeEvent(rawBody: payloads.event("evt_1", "invoice.paid", object)))
    #expect(BillingEvent(event, isLive: nil).question.subscription == "sub_1")
  }

  @Test func clueOrder() throws {
    let payloads = Payloads(metadata: ["company_id": "c", "tenantId": "b", "tenant_id": "a", "user_id": "u"])
    let object = payloads.session(extra: [
      "client_reference_id": "r", "customer_details": ["email": "e@example.com"],
    ])
    let body = payloads.event("evt_1", "checkout.session.completed", object)
    let event = try #require(StripeEvent(rawBody: body))
    #expect(
      BillingEvent(event, isLive: nil).question.owner == [
        .user("u"), .tenant("a"), .tenant("b"), .tenant("c"), .reference("r"), .subscription("sub_1"),
        .customer("cus_1"), .email("e@example.com"),
      ])
  }

  @Test(arguments: [
    "", "null", "[]", "{}", "{\"id\":\"evt_1\"}", "{\"id\":1,\"type\":\"a\",\"data\":{\"object\":{}}}",
    "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":{}}", "{\"id\":\"evt_1\",\"type\":\"a\"",
    "{\"id\":\"evt 1\",\"type\":\"a\",\"data\":{\"object\":{}}}", "\u{FEFF}nonsense",
  ])
  func noEvents(text: String) { #expect(StripeEvent(rawBody: Array(text.utf8)) == nil) }

  @Test func invalidUTF8IsNoEvent() {
    let body = Array("{\"id\":\"evt_1\",\"type\":\"a\",\"data\":{\"object\":{}},\"x\":\"".utf8)
    #expect(StripeEvent(rawBody: body + [0xFF, 0xFE] + Array("\"}".utf8)) == nil)
  }

  @Test func deepNestingIsNoEvent() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(StripeEvent(rawBody: Array(deep.utf8)) == nil)
  }

  @Test func otherModesAndKindsAreIgnored() throws {
    let payloads = Payloads()
    let test = try #require(
      StripeEvent(rawBody: payloads.event("evt_1", "invoice.paid", payloads.invoice("in_1"))))
    if case .ignored = BillingEvent(test, isLive: true) {} else { Issue.record("applied test mode") }
    if case .ignored = BillingEvent(test, isLive: false) { Issue.record("refused its own mode") }
    let thin = payloads.json(["id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.x"])
    let event = try #require(StripeEvent(rawBody: thin))
    if case .ignored = BillingEvent(event, isLive: nil) {} else { Issue.record("applied v2") }
  }

  /// Whatever stands where, nothing traps: values of a fixture are swapped, dropped and made absurd.
  @Test(arguments: fixtures)
  func fuzz(path: String) throws {
    var random = SplitMix.seeded("FUZZ_SEED")
    let original = try #require(
      JSONSerialization.jsonObject(with: Data(Self.bytes(path))) as? [String: Any])
    let decider = BillingDecider(catalog: TestCatalog.catalog)
    for _ in 0..<300 {
      var changed: Any = original
      for _ in 0..<Int.random(in: 1...12, using: &random) { changed = Self.mutate(changed, &random) }
      let body = try JSONSerialization.data(withJSONObject: changed, options: .fragmentsAllowed)
      guard let event = StripeEvent(rawBody: [UInt8](body)) else { continue }
      let billing = BillingEvent(event, isLive: false)
      let owner = BillingAccount(account: .tenant("t1"))
      let plans = Dictionary(billing.question.prices.map { ($0, "team") }, uniquingKeysWith: { $1 })
      _ = billing.locks
      _ = billing.makesKnown
      _ = billing.question.waitsFor
      _ = decider.decide(billing, facts: BillingFacts(owner: owner, plans: plans), now: TestBench.now)
    }
    for _ in 0..<300 {
      var body = try Self.bytes(path)
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        body[Int.random(in: 0..<body.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      if let event = StripeEvent(rawBody: body) { _ = BillingEvent(event, isLive: nil).question }
    }
  }

  static func mutate(_ value: Any, _ random: inout SplitMix) -> Any {
    let absurd: [Any] = [
      NSNull(), Int64.max, Int64.min, -1, 0, 1e300, "", "x", "\u{0}", true, [Any](), [String: Any](),
      ["id": "sub_x"], String(repeating: "9", count: 400), 253_402_300_800,
    ]
    if Int.random(in: 0..<6, using: &random) == 0 {
      return absurd[Int.random(in: 0..<absurd.count, using: &random)]
    }
    if var object = value as? [String: Any], let key = object.keys.sorted().randomElement(using: &random) {
      if Int.random(in: 0..<8, using: &random) == 0 {
        object[key] = nil
      } else {
        object[key] = object[key].map { mutate($0, &random) }
      }
      return object
    }
    if var array = value as? [Any], !array.isEmpty {
      let index = Int.random(in: 0..<array.count, using: &random)
      array[index] = mutate(array[index], &random)
      return array
    }
    return absurd[Int.random(in: 0..<absurd.count, using: &random)]
  }
}
