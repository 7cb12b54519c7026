import AdminAPI
import Gate
import Synchronization
import Testing

/// The events that are sent to the config's targets, in pages.
@Suite struct EventPageTests {
  @Test func theListPassesItsFiltersOnAndLinksTheNextPage() async {
    let events = EventsFake()
    let visitor = Visitor(Bench(events: events))
    await visitor.signIn(Bench.viewerKey)
    let page = await visitor.get("/events?status=failed&type=budget.threshold_reached&account=tenant:t_1")
    #expect(page.status == 200)
    let asked = events.asked.withLock { $0.filter }
    #expect(
      asked == EventFilter(type: "budget.threshold_reached", status: .failed, account: .tenant("t_1")))
    #expect(page.text.contains("href=\"/events/evt_1\"") && page.text.contains("href=\"/tenants/t_1\""))
    #expect(page.text.contains("class=\"state bad\">failed"))
    #expect(
      page.text.contains(
        "status=failed&amp;type=budget.threshold_reached&amp;account=tenant%3At_1&amp;cursor=next"))
    #expect(page.text.contains("aria-current=\"page\">Events"))
  }

  @Test func aFilterThatIsWrongIsSaid() async {
    let visitor = Visitor()
    await visitor.signIn()
    let page = await visitor.get("/events?account=nobody")
    #expect(page.status == 400 && page.text.contains("must be an account such as user:u_42"))
  }

  @Test func oneShowsItsDeliveriesAndIsSentAgainByOperatorsAlone() async {
    let events = EventsFake()
    let viewer = Visitor(Bench(events: events))
    await viewer.signIn(Bench.viewerKey)
    let seen = await viewer.get("/events/evt_1").text
    #expect(seen.contains("the target answered 500") && seen.contains("500 ") && seen.contains("percent"))
    #expect(!seen.contains("/events/evt_1/replay"))
    #expect(await viewer.get("/events/evt_2").status == 404)

    let visitor = Visitor(Bench(events: events))
    await visitor.signIn()
    #expect(await visitor.get("/events/evt_1").text.contains("href=\"/events/evt_1/replay\""))
    let form = await visitor.get("/events/evt_1/replay").text
    #expect(form.contains("goes to all that take its type: crm, mail."))
    let all = await visitor.post("/events/evt_1/replay", [("target", "")])
    #expect(all.status == 303 && all.value(of: "Location") == "/events/evt_1?done=sent")
    _ = await visitor.post("/events/evt_1/replay", [("target", "other")])
    #expect(events.asked.withLock { $0.replays } == [["crm", "mail"], ["other"]])
    let unknown = await visitor.post("/events/evt_1/replay", [("target", "nowhere")])
    #expect(unknown.status == 400 && unknown.text.contains("is no target; there are: crm, mail, other"))
    #expect(events.asked.withLock { $0.replays.count } == 2)
  }
}
