/// What is left of a budget, read from the live counters: `GET /v1/budget` and its admin twins.
package protocol BudgetReading: Sendable {
  /// nil when there is no such user.
  func report(user: String) async throws(StoreError) -> BudgetReport?
  /// The tenant's pool; nil when there is no such tenant.
  func report(tenant: String) async throws(StoreError) -> BudgetReport?
}
