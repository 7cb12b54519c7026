import Gate
import Testing

struct EntitlementTests {
  private let catalog = Catalog(
    defaultPlan: "free", defaultFeature: "chat",
    plans: [
      Plan(name: "free", rank: 0, features: ["chat"], budget: BudgetRule(tokens: 50)),
      Plan(
        name: "pro", rank: 1, features: ["chat"], budget: BudgetRule(tokens: 1000, period: .subscription),
        pastDueGraceSeconds: 100),
      Plan(
        name: "team", rank: 2, features: ["chat"], budget: BudgetRule(tokens: 10, perSeat: true, draw: .both)),
    ], features: [Feature(name: "chat", defaultTokens: 1)])

  private func subscription(_ status: String, since: Instant? = nil) -> SubscriptionState {
    SubscriptionState(stripeSubscriptionID: "sub_1", status: status, pastDueSince: since)
  }

  @Test func withoutAPlanTheDefaultCounts() {
    let rights = Entitlement(of: Principal(user: "u", version: 1), catalog: catalog)
    #expect(rights.plan?.name == "free")
    #expect(rights.status == "active")
    #expect(rights.lockoutAt == nil)
    #expect(rights.own?.source == .calendar)
    #expect(rights.pool == nil)
  }

  @Test func withoutADefaultTheUserIsLockedOut() {
    var catalog = catalog
    catalog.defaultPlan = nil
    let rights = Entitlement(
      of: Principal(user: "u", subscription: subscription("canceled"), version: 1), catalog: catalog)
    #expect(rights.plan == nil)
    #expect(rights.lockoutReason == .canceled)
    #expect(rights.lockoutAt != nil)
  }

  @Test(arguments: [("active", BudgetTerms.Source.given), ("trialing", .given), ("canceled", .calendar)])
  func aSubscriptionsBudgetComesFromItsInvoicesWhileItLives(_ status: String, source: BudgetTerms.Source) {
    let rights = Entitlement(
      of: Principal(user: "u", userPlan: "pro", subscription: subscription(status), version: 1),
      catalog: catalog)
    #expect(rights.own?.source == source)
  }

  @Test func pastDueEndsWithThePlansGrace() {
    let since = Instant(seconds: 1000)
    let rights = Entitlement(
      of: Principal(
        user: "u", userPlan: "pro", subscription: subscription("past_due", since: since), version: 1),
      catalog: catalog)
    #expect(rights.lockoutAt == Instant(seconds: 1100))
    #expect(rights.lockoutReason == .pastDue)
  }

  @Test func aTenantsPlanGoesFirstAndItsPoolCountsSeats() {
    let rights = Entitlement(
      of: Principal(user: "u", tenant: "t", userPlan: "pro", tenantPlan: "team", seats: 7, version: 1),
      catalog: catalog)
    #expect(rights.plan?.name == "team")
    #expect(rights.pool?.tokens == 70)
    #expect(rights.own?.tokens == 1000)
  }

  @Test func drawingOnNoPlanIsDrawingOnNothing() {
    var catalog = catalog
    catalog.defaultPlan = nil
    let rights = Entitlement(
      of: Principal(user: "u", tenant: "t", tenantPlan: "team", version: 1), catalog: catalog)
    #expect(rights.own?.tokens == 0)
  }

  @Test func hugePoolsStayWithinWhatIsExact() {
    var catalog = catalog
    catalog.plans["team"]?.budget.tokens = Limits.tokensMax
    let rights = Entitlement(
      of: Principal(user: "u", tenant: "t", tenantPlan: "team", seats: 1_000_000, version: 1),
      catalog: catalog)
    #expect(rights.pool?.tokens == Limits.tokensMax)
  }
}
