import Gate
import Logging
import PostgresStore
import Settings
import Signatures
import TestServers
import Testing
import TollgateServer

extension FullStack {
  @Suite struct EventTests {
    /// From the books to a receiver: signed, once, listed, replayed; also after the gate was killed.
    @Test func aThresholdReachesItsTarget() async throws {
      let receiver = try await WebhookReceiver.start()
      let secrets = (0..<2).map { _ in "whsec_" + Base64.encode(RandomBytes.make(count: 32)) }
      let stack = try await Stack.start(
        StackOptions(
          environment: ["TOLLGATE_EVENT_SECRETS_CRM": secrets.joined(separator: ",")],
          config: "events: {targets: {crm: {url: '\(receiver.url)', allow_http: true, timeout_ms: 5000}}}\n"))
      let books = try Books(stack)
      try await books.cross(80)
      try await books.cross(80, at: 1)
      try await eventually(within: .seconds(20), "it is delivered") { !receiver.deliveries.isEmpty }
      let delivery = try #require(receiver.deliveries.first)
      let id = try #require(delivery.headers["webhook-id"])
      let timestamp = try #require(delivery.headers["webhook-timestamp"].flatMap { Int64($0) })
      #expect(abs(timestamp - Clock.now().seconds) < 60)
      let signature = StandardWebhookSignature.sign(
        id: id, timestamp: timestamp, body: Array(delivery.body.utf8), secrets: try SigningSecrets(secrets))
      #expect(delivery.headers["webhook-signature"] == signature)
      #expect(delivery.body.contains(#""type":"budget.threshold_reached""#), "\(delivery.body)")

      let path = "/admin/v1/events"
      try await eventually(within: .seconds(10), "it is listed as delivered") {
        let list = try await stack.admin("GET", "\(path)?account=user:big&status=delivered")
        return list.json["items"][0]["id"].string == id
      }
      let event = try await stack.admin("GET", "\(path)/\(id)")
      #expect(event.json["data"]["percent"].integer == 80 && event.json["data"]["remaining"].integer == 200)
      #expect(event.json["deliveries"][0]["attempts"].integer == 1)
      #expect(event.json["deliveries"][0]["last_status"].integer == 200)

      // Refused now, and taken later; the gate that takes it is another one.
      receiver.answer { _, _ in .status(500) }
      let replay = try await stack.admin("POST", "\(path)/\(id)/replay", #"{"target":"crm"}"#)
      #expect(replay.status == 200 && replay.json["status"].string == "pending", "\(replay.text)")
      try await eventually(within: .seconds(20), "it is refused") { receiver.deliveries.count == 2 }
      receiver.answer { _, _ in .status(204) }
      try await stack.startGate()
      try await eventually(within: .seconds(60), "it is delivered after all") {
        try await stack.admin("GET", "\(path)/\(id)").json["status"].string == "delivered"
      }
      #expect(Set(receiver.deliveries.compactMap { $0.headers["webhook-id"] }) == [id])
      let metrics = try await stack.admin("GET", "/metrics").text
      #expect(metrics.contains(#"tollgate_event_attempts_total{target="crm",result="delivered"} 1"#))
      #expect(metrics.contains(#"tollgate_events_pending{target="crm"} 0"#))
      #expect(metrics.contains(#"tollgate_event_target_paused{target="crm"} 0"#))
      let audit = try await stack.admin("GET", "/admin/v1/audit?action=event.replay")
      #expect(audit.json["items"][0]["subject"].string == "event:\(id)")
      await books.close()
      try await stack.close()
    }

    /// Decided in the scripts, whoever spends: once each, also when Redis has lost all and the crossing is told
    /// anew. A tenant's pool has events of its own.
    @Test func checksThatCrossAreToldOnce() async throws {
      let receiver = try await WebhookReceiver.start()
      let secret = "whsec_" + Base64.encode(RandomBytes.make(count: 32))
      let stack = try await Stack.start(
        StackOptions(
          environment: ["TOLLGATE_EVENT_SECRETS_CRM": secret],
          config: "events: {targets: {crm: {url: '\(receiver.url)', allow_http: true}}}\n"))
      func told() -> [String] {
        receiver.deliveries.map { delivery in
          let data = delivery.body.split(separator: #""data":"#).last.map(String.init) ?? ""
          let fields = ["user", "tenant", "percent"].map { name in
            data.split(separator: "\"\(name)\": ").last?.prefix { !",}".contains($0) } ?? ""
          }
          return fields.joined(separator: " ")
        }
      }
      let user = try await stack.makeUser("spender", plan: "free")
      // 50,000 a month: 10 at once, each a tenth.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<10 {
          group.addTask {
            let answer = try await stack.check(user, #"{"tokens":5000}"#)
            #expect(answer.status == 200, "\(answer.text)")
          }
        }
        try await group.waitForAll()
      }
      let own = ["50", "80", "100"].map { #""spender" null \#($0)"# }
      try await eventually(within: .seconds(20), "all three are told") { told().count == 3 }
      #expect(Set(told()) == Set(own), "\(told())")

      // What was lost is told again to the books, and to nobody else.
      try await stack.waitForBooks()
      let probe = try await stack.openRedis()
      _ = try await probe.command("FLUSHALL")
      await probe.close()
      let before = try await stack.sql("SELECT count(*) FROM tollgate.ledger WHERE kind = 'threshold'")
      let usage = try await stack.call(
        "POST", "/v1/usage", stack.service, #"{"user":"spender","feature":"note","tokens":100}"#)
      #expect(usage.status == 200, "\(usage.text)")
      try await eventually(within: .seconds(20), "it is told to the books again") {
        try await stack.sql("SELECT count(*) FROM tollgate.ledger WHERE kind = 'threshold'") != before
      }

      // Another budget: the pool of 20,000.
      #expect(try await stack.admin("PUT", "/admin/v1/tenants/acme", #"{"plan":"team"}"#).status == 200)
      let member = try await stack.makeUser("member", tenant: "acme")
      #expect(try await stack.check(member, #"{"tokens":10000}"#).status == 200)
      try await eventually(within: .seconds(20), "the pool is told of") { told().count == 4 }
      #expect(told().last == #"null "acme" 50"#, "\(told())")
      #expect(try await stack.sql("SELECT count(*) FROM tollgate.events") == "4")
      try await stack.close()
    }

    /// What `tollgate events test` does.
    @Test func aTrialShowsTheAnswer() async throws {
      let receiver = try await WebhookReceiver.start()
      let secret = "whsec_" + Base64.encode(RandomBytes.make(count: 24))
      let settings = try Settings.parse(
        yaml: TestConfig.text(deadlineMilliseconds: 150)
          + "events: {targets: {crm: {url: '\(receiver.url)', allow_http: true, timeout_ms: 500}}}\n",
        file: "test.yaml", environment: ["TOLLGATE_EVENT_SECRETS_CRM": secret])
      receiver.answer { _, number in
        [.status(200, body: #"{"seen":true}"#), .status(302, headers: [("location", "/")]), .hangUp][number]
      }
      let good = try await EventTrial.send(to: "crm", settings)
      #expect(
        good.failure == nil && good.json.contains(#""status":200,"body":{"seen":true}"#), "\(good.json)")
      let delivery = try #require(receiver.deliveries.first)
      #expect(delivery.body.contains(#""type":"tollgate.test""#))
      #expect(delivery.headers["webhook-signature"]?.hasPrefix("v1,") == true)
      let redirected = try await EventTrial.send(to: "crm", settings)
      #expect(redirected.failure == CommandFailure("crm refused it with 302"))
      await #expect(throws: CommandFailure.self) { try await EventTrial.send(to: "crm", settings) }
      #expect(receiver.deliveries.count == 3)
      await #expect(throws: CommandFailure("`crn` is no target; there are: crm")) {
        try await EventTrial.send(to: "crn", settings)
      }
    }
  }

  /// Books entries as a flusher does.
  private struct Books {
    let store: PostgresStore

    init(_ stack: Stack) throws {
      var logger = Logger(label: "test")
      logger.logLevel = .critical
      let configuration = PostgresConfiguration(url: stack.database, connections: 1)
      store = PostgresStore(pool: PostgresPool(configuration: configuration, logger: logger))
    }

    func cross(_ percent: Int64, at milliseconds: Int64 = 0) async throws {
      let start = Instant(seconds: 1_796_083_200)
      let entry = LedgerEntry(
        bucket: 0, id: StreamID(milliseconds: start.milliseconds + milliseconds, sequence: 0),
        kind: .threshold, side: .user, operation: "op\(milliseconds)", user: "big", feature: "chat",
        tokens: 0,
        crossing: ThresholdCrossing(
          percent: percent, periodStart: start, used: 800, limit: 1000, resetsAt: nil))
      try await store.book([entry], bucket: 0, epoch: 0)
    }

    func close() async { await store.pool.close() }
  }
}
