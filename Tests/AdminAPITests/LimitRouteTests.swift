import AdminAPI
import Gate
import Synchronization
import Testing

/// A user's own limits over the admin API.
@Suite struct LimitRouteTests {
  private static let path = "/admin/v1/users/u_1/limits"

  @Test func thePlansLimitsAndTheUsersOwn() async {
    let bench = Bench()
    let before = await bench.admin("GET", Self.path)
    #expect(before.status == 200 && before.json["plan"] == "free")
    #expect(
      before.json["plan_limits"]?["requests"] == ["count": 20, "window_s": 60, "burst": 5])
    #expect(before.json["plan_limits"]?["tokens"] == .null)
    #expect(before.json["feature_limits"]?["chat"]?["shadow"] == ["daily_tokens"])
    #expect(before.json["overrides"] == [])

    let put = await bench.admin(
      "PUT", Self.path, #"{"limit":"requests","count":100,"window_s":60,"reason":"a launch"}"#)
    #expect(put.status == 200 && put.json["burst"] == 100 && put.json["unlimited"] == false)
    #expect(bench.outbox.applied.withLock { $0 } == [.user("u_1")])
    #expect(bench.accounts.with { $0.actors } == ["key:k_op"])
    let more = #"{"limit":"daily_tokens","feature":"chat","amount":0,"expires_at":"2099-01-01T00:00:00Z"}"#
    #expect(await bench.admin("PUT", Self.path, more).json["amount"] == 0)
    let unlimited = #"{"limit":"concurrent","feature":null,"unlimited":true,"amount":null}"#
    #expect(await bench.admin("PUT", Self.path, unlimited).json["unlimited"] == true)
    guard case .array(let overrides)? = await bench.admin("GET", Self.path).json["overrides"] else {
      Issue.record("no overrides")
      return
    }
    #expect(overrides.map { $0["limit"] } == ["requests", "daily_tokens", "concurrent"])
    #expect(overrides.allSatisfy { $0["active"] == true })
    bench.accounts.with { $0.overrides["u_1"]?[1].override.expiresAt = AccountsFake.now }
    guard case .array(let later)? = await bench.admin("GET", Self.path).json["overrides"] else { return }
    #expect(later[1]["active"] == false)

    // Of the plan and of a feature are two limits.
    #expect(await bench.admin("DELETE", "\(Self.path)/daily_tokens").status == 404)
    #expect(await bench.admin("DELETE", "\(Self.path)/daily_tokens?feature=chat").status == 204)
    #expect(await bench.admin("DELETE", "\(Self.path)/daily_tokens?feature=chat").status == 404)
    #expect(await bench.admin("DELETE", "\(Self.path)/weekly_tokens").status == 404)
    #expect(await bench.admin("GET", "/admin/v1/users/u_9/limits").status == 404)
    #expect(
      await bench.admin("PUT", "/admin/v1/users/u_9/limits", #"{"limit":"concurrent","amount":1}"#).status
        == 404)
  }

  @Test(arguments: [
    ("{}", ["limit"]), (#"{"limit":"weekly"}"#, ["limit"]),
    (#"{"limit":"requests"}"#, ["count", "window_s"]),
    (#"{"limit":"requests","count":1,"window_s":1,"amount":1}"#, ["amount"]),
    (#"{"limit":"requests","count":0,"window_s":86401,"burst":0}"#, ["count", "window_s", "burst"]),
    (#"{"limit":"concurrent"}"#, ["amount"]), (#"{"limit":"concurrent","amount":257}"#, ["amount"]),
    (#"{"limit":"concurrent","amount":1,"count":1}"#, ["count"]),
    (#"{"limit":"tokens","unlimited":true,"count":1}"#, ["count"]),
    (#"{"limit":"tokens","unlimited":1}"#, ["unlimited", "count", "window_s"]),
    (#"{"limit":"daily_tokens","amount":1000000000000000}"#, ["amount"]),
    (#"{"limit":"daily_tokens","amount":1,"feature":"painting"}"#, ["feature"]),
    (#"{"limit":"daily_tokens","amount":1,"expires_at":"2001-01-01T00:00:00Z"}"#, ["expires_at"]),
    (#"{"limit":"daily_tokens","amount":1,"user":"u_2"}"#, ["user"]),
  ])
  func whatALimitCanNotTake(body: String, fields: [String]) async {
    let bench = Bench()
    let answer = await bench.admin("PUT", Self.path, body)
    #expect(answer.status == 400 && answer.fields == fields, "\(answer.fields)")
    #expect(bench.accounts.with { $0.overrides.isEmpty })
  }

  @Test func aLimitThatRedisDoesNotKnowIsNotAcknowledged() async {
    let bench = Bench()
    bench.outbox.isAway.withLock { $0 = true }
    #expect(await bench.admin("PUT", Self.path, #"{"limit":"concurrent","amount":1}"#).status == 503)
    #expect(await bench.admin("DELETE", "\(Self.path)/concurrent").status == 503)
  }

  @Test func theUseOfAKeyIsNotedOnceAMinute() async {
    let bench = Bench()
    _ = await bench.admin("GET", "/admin/v1/keys")
    _ = await bench.gate("GET", "/v1/budget", "", [Bench.asService, Bench.on("u_1")])
    #expect(bench.accounts.with { $0.usedKeys } == ["k_op", "k_svc"])
    bench.principals.with { state in
      state.keys[Bench.hash(Bench.operatorKey)]?.lastUsedAt = AccountsFake.now.advanced(seconds: -59)
      state.keys[Bench.hash(Bench.serviceKey)]?.lastUsedAt = AccountsFake.now.advanced(seconds: -60)
    }
    _ = await bench.admin("GET", "/admin/v1/keys")
    _ = await bench.gate("GET", "/v1/budget", "", [Bench.asService, Bench.on("u_1")])
    #expect(bench.accounts.with { $0.usedKeys } == ["k_op", "k_svc", "k_svc"])
    // A store that is away refuses nobody for that.
    _ = await bench.admin("GET", "/admin/v1/keys", key: "tga_unknown_0123456789")
    #expect(bench.accounts.with { $0.usedKeys.count } == 3)
  }
}
