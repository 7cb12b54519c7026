import AdminAPI
import Gate
import Synchronization
import Testing

/// What a reset grants, and until when.
@Suite struct ResetTests {
  private func reset(_ principal: Principal) async -> (ControlResponse, AccountsFake.Reset?) {
    let bench = Bench()
    bench.principals.with { $0.byUser["u_1"] = principal }
    let answer = await bench.admin("POST", "/admin/v1/users/u_1/budget/reset", #"{"reason":"sorry"}"#)
    return (answer, bench.accounts.with { $0.resets.first })
  }

  @Test func aCalendarBudgetRunsToTheEndOfItsPeriod() async {
    let (answer, reset) = await reset(Principal(user: "u_1", version: 1))
    #expect(answer.status == 200 && answer.json["grant"]?["tokens"] == 100)
    #expect(
      reset
        == AccountsFake.Reset(
          account: .user("u_1"), tokens: 100, start: AccountsFake.now, end: CalendarFake.end))
  }

  @Test func aSubscriptionRunsToItsPaidEndAndTheGrace() async {
    let end = AccountsFake.now.advanced(seconds: 1000)
    var principal = Principal(
      user: "u_1", userPlan: "pro",
      subscription: SubscriptionState(
        stripeSubscriptionID: "sub_1", status: "active", currentPeriodEnd: end), version: 1)
    let (_, paid) = await reset(principal)
    #expect(paid?.tokens == 1000 && paid?.end == end.advanced(seconds: 172_800))
    principal.subscription?.status = "trialing"
    let (_, trial) = await reset(principal)
    #expect(trial?.tokens == 10)
    principal.subscription?.status = "past_due"
    principal.subscription?.pastDueSince = AccountsFake.now.advanced(seconds: -400_000)
    let (locked, none) = await reset(principal)
    #expect(locked.status == 409 && none == nil)
  }

  @Test func aPoolIsResetAtItsTenant() async {
    let member = Principal(user: "u_1", tenant: "t_1", tenantPlan: "team", version: 1)
    #expect(await reset(member).0.status == 409)
    let bench = Bench()
    let answer = await bench.admin("POST", "/admin/v1/tenants/t_1/budget/reset")
    #expect(answer.status == 200)
    #expect(bench.accounts.with { $0.resets.first?.tokens } == 150)
    #expect(bench.outbox.applied.withLock { $0 } == [.tenant("t_1")])
  }

  @Test func withoutALimitThereIsNothingToReset() async {
    #expect(await reset(Principal(user: "u_1", userPlan: "open", version: 1)).0.status == 409)
    #expect(await Bench().admin("POST", "/admin/v1/users/u_9/budget/reset").status == 404)
    #expect(await Bench().admin("POST", "/admin/v1/tenants/t_9/budget/reset").status == 404)
  }
}
