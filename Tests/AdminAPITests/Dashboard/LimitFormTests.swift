import AdminAPI
import Gate
import Synchronization
import Testing

/// A user's own limits, set and removed by forms.
@Suite struct LimitFormTests {
  private func overrides(_ visitor: Visitor) -> [LimitOverrideRecord] {
    visitor.bench.accounts.with { $0.overrides["u_1"] ?? [] }
  }

  @Test func aLimitIsSetShownAndRemoved() async {
    let visitor = Visitor()
    await visitor.signIn()
    #expect(await visitor.get("/users/u_1").text.contains("None: the plan's limits count."))
    let set = await visitor.post(
      "/users/u_1/limits/new",
      [
        ("limit", "requests"), ("feature", ""), ("unlimited", "by the figures below"), ("count", "1,500"),
        ("window_s", "60"), ("expires_at", "2099-01-01T10:00"), ("reason", "a launch"),
      ])
    #expect(set.status == 303 && set.value(of: "Location") == "/users/u_1?done=limit-set")
    let record = overrides(visitor).first
    #expect(record?.override.value == .window(WindowLimit(count: 1_500, windowSeconds: 60)))
    #expect(record?.override.expiresAt == Instant(rfc3339: "2099-01-01T10:00:00Z"))
    #expect(
      record?.reason == "a launch" && visitor.bench.outbox.applied.withLock { $0.contains(.user("u_1")) })

    let page = await visitor.get("/users/u_1").text
    #expect(page.contains("1,500 in 60 s") && page.contains("a launch"))
    #expect(page.contains("href=\"/users/u_1/limits/requests/remove\""))
    #expect(await visitor.get("/users/u_1/limits/requests/remove").text.contains("class=\"danger\""))
    let removed = await visitor.post("/users/u_1/limits/requests/remove")
    #expect(removed.value(of: "Location") == "/users/u_1?done=limit-removed")
    #expect(overrides(visitor).isEmpty)
    #expect(await visitor.post("/users/u_1/limits/requests/remove").status == 404)
  }

  @Test func aLimitOfAFeatureIsTakenAwayByItself() async {
    let visitor = Visitor()
    await visitor.signIn()
    for feature in ["", "chat"] {
      let set = await visitor.post(
        "/users/u_1/limits/new",
        [("limit", "daily_tokens"), ("feature", feature), ("amount", "700"), ("reason", "x")])
      #expect(set.status == 303)
    }
    #expect(
      await visitor.get("/users/u_1").text.contains("/users/u_1/limits/daily_tokens/remove?feature=chat"))
    let form = await visitor.get("/users/u_1/limits/daily_tokens/remove?feature=chat")
    #expect(form.status == 200 && form.text.contains("daily tokens of chat"))
    let removed = await visitor.post("/users/u_1/limits/daily_tokens/remove", [("feature", "chat")])
    #expect(removed.status == 303)
    #expect(overrides(visitor).map(\.override.feature) == [nil])
    #expect(await visitor.get("/users/u_1/limits/daily_tokens/remove?feature=chat").status == 404)
  }

  @Test func nothingIsUnlimitedBecauseAFigureIsMissing() async {
    let visitor = Visitor()
    await visitor.signIn()
    let fields = [("limit", "requests"), ("reason", "x"), ("window_s", "60")]
    let missing = await visitor.post(
      "/users/u_1/limits/new", fields + [("unlimited", "by the figures below")])
    #expect(missing.status == 400 && missing.text.contains("This is required."))
    let both = await visitor.post("/users/u_1/limits/new", fields + [("unlimited", "not at all")])
    #expect(both.status == 400 && both.text.contains("can&#39;t be given with unlimited"))
    let unexplained = await visitor.post("/users/u_1/limits/new", [("limit", "requests")])
    #expect(unexplained.status == 400)
    #expect(overrides(visitor).isEmpty)
    let wanted = [("limit", "requests"), ("reason", "x"), ("unlimited", "not at all")]
    #expect(await visitor.post("/users/u_1/limits/new", wanted).status == 303)
    #expect(overrides(visitor).map(\.override.value) == [.unlimited])
  }
}
