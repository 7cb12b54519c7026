import AdminAPI
import Gate
import Synchronization
import Testing

@Suite struct EventRouteTests {
  @Test func aListIsFiltered() async {
    let events = EventsFake()
    let bench = Bench(events: events)
    let answer = await bench.admin(
      "GET",
      "/admin/v1/events?type=budget.threshold_reached&status=failed&account=tenant:a:b&limit=7&cursor=here")
    #expect(answer.status == 200 && answer.json["next_cursor"] == "next")
    let asked = events.asked.withLock { $0 }
    #expect(
      asked.filter
        == EventFilter(type: "budget.threshold_reached", status: .failed, account: .tenant("a:b")))
    #expect(asked.page == PageRequest(limit: 7, cursor: "here"))
    guard case .array(let items)? = answer.json["items"], items.count == 1 else {
      Issue.record("no items")
      return
    }
    #expect(items[0]["account"] == "tenant:t_1" && items[0]["status"] == "failed")
    #expect(items[0]["data"] == ["percent": 80] && items[0]["deliveries"] == nil)
    #expect(items[0]["occurred_at"] == .time(AccountsFake.now))
  }

  @Test(arguments: [
    ("status=open", "status"), ("account=u_1", "account"), ("account=user:", "account"),
    ("account=plan:pro", "account"), ("type=%20", "type"), ("limit=0", "limit"), ("kind=x", "kind"),
  ])
  func whatIsNoFilterIsRefused(query: String, field: String) async {
    let answer = await Bench().admin("GET", "/admin/v1/events?\(query)")
    #expect(answer.status == 400 && answer.fields == [field])
  }

  @Test func oneEventHasItsDeliveries() async {
    let answer = await Bench().admin("GET", "/admin/v1/events/evt_1")
    #expect(answer.status == 200)
    let delivery: JSON = [
      "target": "crm", "status": "failed", "attempts": 10, "next_attempt_at": nil,
      "last_attempt_at": .time(AccountsFake.now), "last_status": 500,
      "last_error": "the target answered 500", "delivered_at": nil,
    ]
    #expect(answer.json["deliveries"] == [delivery])
    let missing = await Bench().admin("GET", "/admin/v1/events/evt_2")
    #expect(missing.status == 404 && missing.code == "not_found")
  }

  @Test(arguments: [
    ("", ["crm", "mail"]), ("{}", ["crm", "mail"]), (#"{"target":null}"#, ["crm", "mail"]),
    (#"{"target":"mail"}"#, ["mail"]), (#"{"target":"other"}"#, ["other"]),
  ])
  func aReplayGoesToTargetsOfTheConfig(body: String, targets: [String]) async {
    let events = EventsFake()
    let answer = await Bench(events: events).admin("POST", "/admin/v1/events/evt_1/replay", body)
    #expect(answer.status == 200 && answer.json["status"] == "pending")
    let asked = events.asked.withLock { $0 }
    #expect(asked.replays == [targets] && asked.actors == ["key:k_op"])
  }

  @Test func aReplayElsewhereChangesNothing() async {
    let events = EventsFake()
    let bench = Bench(events: events)
    for body in [#"{"target":"https://evil.example"}"#, #"{"target":"nobody"}"#, #"{"url":"x"}"#, "[]"] {
      let answer = await bench.admin("POST", "/admin/v1/events/evt_1/replay", body)
      #expect(answer.status == 400, "\(body)")
    }
    let missing = await bench.admin("POST", "/admin/v1/events/evt_2/replay")
    #expect(missing.status == 404)
    var hooks = Bench.allHooks
    hooks.events = EventHook(store: events, targets: [EventTarget(name: "other", types: ["other.type"])])
    let nobody = await Bench(hooks: hooks).admin("POST", "/admin/v1/events/evt_1/replay")
    #expect(nobody.status == 409 && nobody.code == "conflict")
    #expect(events.asked.withLock { $0.replays } == [])
  }
}
