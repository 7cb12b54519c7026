import Foundation
import StripeFake
import Testing

extension FullStack {
  /// The gate and the fake Stripe, each calling the other over sockets.
  @Suite struct AgainstTheFakeStripe {
    private static let apiKey = "sk_test_\(String(UInt64.random(in: 0 ... .max), radix: 36))_of_the_fake"

    /// A stack whose Stripe is `fake`, and which `fake` posts its events to.
    private func withStack(
      _ fake: RunningStripeFake, _ body: (Stack) async throws -> Void
    ) async throws {
      let config = "/tmp/tollgate-test-\(getpid())-stripe-fake.yaml"
      let text = TestConfig.text(deadlineMilliseconds: 5000).replacing(
        "billing:\n",
        with: "topups: {price_pack: {tokens: 5000}}\nbilling:\n  success_url: https://app.example.com/\n")
      try text.write(toFile: config, atomically: true, encoding: .utf8)
      defer { try? FileManager.default.removeItem(atPath: config) }
      var options = StackOptions()
      options.environment = [
        "TOLLGATE_CONFIG": config, "TOLLGATE_STRIPE_API_BASE": fake.url,
        "TOLLGATE_STRIPE_API_KEY": Self.apiKey,
      ]
      let stack = try await Stack.start(options)
      let url = "http://127.0.0.1:\(stack.gate.port)/webhooks/stripe"
      fake.server.with {
        $0.webhooks.endpoints = [WebhookEndpoint(url, secrets: [Stack.webhookSecret], shape: .both)]
      }
      try await body(stack)
      try await stack.close()
    }

    private func sandbox() -> StripeSandbox {
      let account = StripeAccount(
        prices: [.init("price_pro", amount: 2000, every: .month), .init("price_pack", amount: 500)],
        now: StripeEvents.now, seed: 11)
      var sandbox = StripeSandbox(account, apiKey: Self.apiKey)
      sandbox.webhooks = WebhookQueue(modes: [.shuffled, .duplicated, .twins], seed: 11)
      return sandbox
    }

    /// Checkout through the gate's own API, then whatever a person presses.
    private func buy(_ body: String, _ user: TestUser, _ stack: Stack, _ fake: RunningStripeFake) async throws
    {
      let answer = try await stack.call("POST", "/v1/billing/checkout", user.credentials, body)
      #expect(answer.status == 200, "\(answer.text)")
      let url = try #require(answer.json["url"].string)
      #expect(url.hasPrefix("\(fake.url)/c/pay/cs_test_"))
      let session = String(try #require(url.split(separator: "/").last))
      let done = fake.server.with { (try? $0.account.completeCheckout(session)) != nil }
      #expect(done)
    }

    @Test func anUpgradeIsBoughtRenewedAndEnded() async throws {
      try await RunningStripeFake.run(sandbox(), realNow: { StripeEvents.now }) { fake in
        try await withStack(fake) { stack in
          let user = try await stack.makeUser("buyer")
          expectProblem(
            try await stack.check(user, #"{"feature":"research"}"#), 402, "plan_required")
          try await buy(#"{"plan":"pro","interval":"month"}"#, user, stack, fake)
          try await eventually(within: .seconds(20), "the plan is bought") {
            try await stack.budget(user).limit == 1_000_000
          }
          #expect(try await stack.check(user, #"{"feature":"research"}"#).status == 200)
          #expect(try await stack.budget(user).used == 5000)
          let id = fake.server.with { $0.account.subscriptions.ids.first ?? "" }
          fake.server.with { $0.account.advanceToRenewal(of: id) }
          try await eventually(within: .seconds(20), "the renewal resets the budget") {
            try await stack.budget(user).used == 0
          }
          try await buy(#"{"price":"price_pack","mode":"payment"}"#, user, stack, fake)
          try await eventually(within: .seconds(20), "the pack is added once") {
            try await stack.budget(user).limit == 1_005_000
          }
          try await eventually(within: .seconds(20), "every event was taken") {
            fake.server.with { $0.webhooks.isIdle && $0.webhooks.undelivered.isEmpty }
          }
          #expect(try await stack.budget(user).limit == 1_005_000)
          fake.server.with { sandbox in try? sandbox.account.cancel(id) }
          try await eventually(within: .seconds(20), "the plan ends") {
            try await stack.check(user, #"{"feature":"research"}"#).status == 402
          }
        }
      }
    }

    @Test func aCancellationIsTakenBack() async throws {
      try await RunningStripeFake.run(sandbox(), realNow: { StripeEvents.now }) { fake in
        try await withStack(fake) { stack in
          let user = try await stack.makeUser("doubter")
          try await buy(#"{"plan":"pro","interval":"month"}"#, user, stack, fake)
          func status(_ wanted: Bool) async throws -> Bool {
            let answer = try await stack.call("GET", "/v1/billing/status", user.credentials)
            return answer.json["cancel_at_period_end"] == .bool(wanted) && answer.json["plan"].string == "pro"
          }
          try await eventually(within: .seconds(20), "the plan is bought") { try await status(false) }
          for byDate in [false, true] {
            fake.server.with { sandbox in
              let id = sandbox.account.subscriptions.ids.first ?? ""
              try? sandbox.account.cancelAtPeriodEnd(id, byDateAlone: byDate)
            }
            try await eventually(within: .seconds(20), "the end is scheduled") { try await status(true) }
            try await eventually(within: .seconds(20), "nothing old is on its way") {
              fake.server.with { $0.webhooks.isIdle }
            }
            let answer = try await stack.call("POST", "/v1/billing/reactivate", user.credentials, "")
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try await status(false))
            #expect(fake.server.with { $0.account.subscriptions.all[0].cancelAt } == nil)
          }
        }
      }
    }
  }

  /// What Stripe's own client for Python signs. script/test brings the client.
  @Suite(.stack, .enabled(if: OfficialClient.python != nil, "TOLLGATE_STRIPE_PYTHON names no Python"))
  struct SignedByTheOfficialClient {
    @Test func isAcceptedAndForgeriesAreNot() async throws {
      let python = try #require(OfficialClient.python)
      let stack = Stack.here
      let output = Pipe()
      let process = Process()
      process.executableURL = URL(fileURLWithPath: python)
      process.arguments = [
        OfficialClient.script, "gate", "http://127.0.0.1:\(stack.gate.port)", Stack.webhookSecret,
      ]
      process.standardOutput = output
      process.standardError = output
      let status = try await withCheckedThrowingContinuation { continuation in
        process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
        do { try process.run() } catch { continuation.resume(throwing: error) }
      }
      let text = try output.fileHandleForReading.readToEnd().map { String(decoding: $0, as: UTF8.self) }
      #expect(status == 0, "\(text ?? "")")
      let stored = try await stack.sql(
        "SELECT count(*) FROM tollgate.webhook_events_processed WHERE event_id LIKE 'evt_official_%'")
      #expect(stored == "4")
    }
  }

  enum OfficialClient {
    static let python = ProcessInfo.processInfo.environment["TOLLGATE_STRIPE_PYTHON"]
    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("StripeFakePython/official_client.py").path
  }
}
