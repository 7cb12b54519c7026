import Signatures
import Testing

extension FullStack {
  @Suite(.stack) struct StripeWebhookTests {
    private static let day: Int64 = 86_400

    @Test func anUpgradeCountsOnTheVeryNextCheck() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("upgrader")
      let connection = try await Connection.open(stack.gate.port)
      let research = Request("POST", "/v1/check", user.credentials, #"{"feature":"research"}"#)
      let refused = try await connection.send(research)
      expectProblem(refused, 402, "plan_required")
      #expect(refused.json["plan"] == .string("free"))
      #expect(refused.json["feature"] == .string("research"))
      #expect(refused.json["required_plans"] == .array([.string("pro"), .string("team")]))
      #expect(refused.json["upgrade_url"] == .string("https://app.example.com/upgrade"))

      let events = StripeEvents(user: user.id)
      let (start, end) = (StripeEvents.now - 100, StripeEvents.now + 30 * Self.day)
      for body in [
        events.subscription("evt_up_1", from: start, to: end),
        events.invoice("evt_up_2", "invoice.paid", invoice: "in_up_1", from: start, to: end),
      ] {
        let answer = try await stack.webhook(body)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json == .object(["received": .bool(true)]))
      }
      let allowed = try await connection.send(research)
      #expect(allowed.status == 200, "\(allowed.text)")
      #expect(allowed.json["plan"] == .string("pro"))
      #expect(allowed.budget.limit == 1_000_000)
      #expect(allowed.budget.remaining == 995_000)
      await connection.close()
    }

    /// One renewal, 20 deliveries at once as both of Stripe's twin types: the budget is reset once, and what
    /// is spent meanwhile stays spent.
    @Test func oneInvoiceResetsOnce() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("renewer")
      let events = StripeEvents(user: user.id)
      let now = StripeEvents.now
      let first = (start: now - 30 * Self.day, end: now - 50)
      let second = (start: now - 50, end: now + 30 * Self.day)
      for body in [
        events.subscription("evt_re_1", from: first.start, to: first.end),
        events.invoice("evt_re_2", "invoice.paid", invoice: "in_re_1", from: first.start, to: first.end),
      ] {
        #expect(try await stack.webhook(body).status == 200)
      }
      let spent = try await stack.check(user, #"{"feature":"note","tokens":700000}"#)
      #expect(spent.status == 200, "\(spent.text)")

      let paid = events.invoice(
        "evt_re_3", "invoice.paid", invoice: "in_re_2", from: second.start, to: second.end)
      let twin = events.invoice(
        "evt_re_4", "invoice.payment_succeeded", invoice: "in_re_2", from: second.start, to: second.end)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<20 {
          group.addTask { try await stack.webhook(index % 2 == 0 ? paid : twin).status }
        }
        var statuses: [Int] = []
        var isFirst = true
        for try await status in group {
          statuses.append(status)
          // Whichever delivery it is, its 200 says that the reset counts: this is taken from the new period, and
          // must stay taken.
          if isFirst {
            let seen = try await stack.check(user, #"{"feature":"note","mode":"peek"}"#)
            #expect(seen.budget.used == 0, "\(seen.text)")
            let answer = try await stack.check(user, #"{"feature":"note","tokens":5000}"#)
            #expect(answer.budget.used == 5000, "\(answer.text)")
          }
          isFirst = false
        }
        return statuses
      }
      #expect(statuses == Array(repeating: 200, count: 20))
      let budget = try await stack.budget(user)
      #expect(budget.limit == 1_000_000)
      #expect(budget.used == 5000)
      let grants = "FROM tollgate.grants WHERE account_id = '\(user.id)' AND kind = 'period' AND series = 'g'"
      #expect(try await stack.sql("SELECT count(*) \(grants)") == "2")
      #expect(
        try await stack.sql("SELECT count(*) \(grants) AND period_start = to_timestamp(\(second.start))")
          == "1")
      for body in [twin, paid] { #expect(try await stack.webhook(body).status == 200) }
      #expect(try await stack.budget(user).used == 5000)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 705_000)
    }

    @Test func whatIsNotSignedChangesNothing() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("forged")
      let before = try await stack.budget(user)
      let events = StripeEvents(user: user.id)
      let body = events.invoice(
        "evt_forged", "invoice.paid", invoice: "in_forged", from: StripeEvents.now - 100,
        to: StripeEvents.now + Self.day)
      let bytes = Array(body.utf8)
      let secrets = try WebhookSecrets([Stack.webhookSecret])
      let good = StripeSignature.sign(rawBody: bytes, secrets: secrets, timestamp: StripeEvents.now)
      func post(_ headers: [(String, String)], _ body: String = body) async throws -> Answer {
        try await stack.call("POST", "/webhooks/stripe", headers, body)
      }
      let stranger = "whsec_\(Token.make(prefix: .service).dropFirst(4))"
      let answers: [(Comment, Answer)] = [
        ("another secret", try await stack.webhook(body, secret: stranger)),
        ("stale", try await stack.webhook(body, age: 301)),
        ("from the future", try await stack.webhook(body, age: -400)),
        ("another body", try await post([("Stripe-Signature", good)], body + " ")),
        ("no header", try await post([])),
        ("no v1", try await post([("Stripe-Signature", "t=\(StripeEvents.now)")])),
        ("v0 alone", try await post([("Stripe-Signature", good.replacing("v1=", with: "v0="))])),
        ("two headers", try await post([("Stripe-Signature", good), ("Stripe-Signature", good)])),
        ("two t", try await post([("Stripe-Signature", good + ",t=\(StripeEvents.now)")])),
        ("nonsense", try await post([("Stripe-Signature", "t=x,v1=zz")])),
      ]
      for (what, answer) in answers { expectProblem(answer, 400, "signature_invalid", what) }
      expectProblem(try await stack.webhook("{not json"), 400, "payload_invalid")
      expectProblem(try await stack.webhook(#"{"id":7}"#), 400, "payload_invalid")
      let large = #"{"id":"evt_large","pad":""# + String(repeating: "x", count: 1_048_576) + "\"}"
      expectProblem(try await stack.webhook(large), 413, "body_too_large")
      #expect(try await stack.budget(user) == before)
      let seen = "SELECT count(*) FROM tollgate.webhook_events_processed WHERE event_id = 'evt_forged'"
      #expect(try await stack.sql(seen) == "0")
      // Within the tolerance it is good.
      #expect(try await stack.webhook(body, age: 290).status == 200)
      #expect(try await stack.sql(seen) == "1")
      #expect(try await stack.check(user, #"{"feature":"research"}"#).status == 200)
    }

    @Test func unknownEventsAreAcknowledged() async throws {
      let stack = Stack.here
      let events = StripeEvents(user: "nobody")
      let other = events.event("evt_other", "product.created", ["id": "prod_1", "object": "product"])
      #expect(try await stack.webhook(other).status == 200)
      let replay = try await stack.admin("POST", "/admin/v1/webhooks/events/evt_other/replay")
      #expect(replay.status == 200 && replay.json["status"] == .string("ignored"), "\(replay.text)")
      #expect(try await stack.tollgate("webhook", "replay", "evt_other").status == 0)
      let audit = try await stack.admin("GET", "/admin/v1/audit?subject=webhook:evt_other").json["items"]
        .items
      #expect(audit.map { $0["action"] } == [.string("webhook.replay"), .string("webhook.replay")])
      #expect(audit.map { $0["actor"] } == [.string("cli"), .string("key:bootstrap")])
      #expect(
        audit.allSatisfy { $0["before"]["status"] == .string("ignored") && $0["after"] == $0["before"] })
      let unmatched = events.invoice(
        "evt_nobody", "invoice.paid", invoice: "in_nobody", from: StripeEvents.now - 9,
        to: StripeEvents.now + Self.day)
      #expect(try await stack.webhook(unmatched).status == 200)
      let status = "SELECT status FROM tollgate.webhook_events_processed WHERE event_id ="
      #expect(try await stack.sql("\(status) 'evt_other'") == "ignored")
      #expect(try await stack.sql("\(status) 'evt_nobody'") == "unmatched")
      let shown = try await stack.admin("GET", "/admin/v1/webhooks/events?status=unmatched")
      #expect(shown.json["items"].items.map { $0["id"] } == [.string("evt_nobody")])
    }

    /// A subscription that ends falls back to the default plan at once.
    @Test func aDowngradeCountsOnTheVeryNextCheck() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("leaver")
      let events = StripeEvents(user: user.id)
      let (start, end) = (StripeEvents.now - 100, StripeEvents.now + 30 * Self.day)
      #expect(try await stack.webhook(events.subscription("evt_l_1", from: start, to: end)).status == 200)
      let paid = events.invoice("evt_l_2", "invoice.paid", invoice: "in_l_1", from: start, to: end)
      #expect(try await stack.webhook(paid).status == 200)
      #expect(try await stack.check(user, #"{"feature":"research"}"#).status == 200)
      let unpaid = events.subscription("evt_l_3", status: "unpaid", from: start, to: end)
      #expect(try await stack.webhook(unpaid).status == 200)
      expectProblem(try await stack.check(user, #"{"feature":"research"}"#), 402, "plan_required")
      let chat = try await stack.check(user, nil)
      #expect(chat.status == 200)
      #expect(chat.json["plan"] == .string("free"))
    }
  }
}
