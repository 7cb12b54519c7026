package import Gate
package import Logging

/// Everything that the control plane stands on. The wiring fills it in once; both listeners share it.
package struct ControlPlane: Sendable {
  /// Reads and changes of what is stored.
  package var accounts: any AccountStore
  /// Who a credential belongs to.
  package var principals: any PrincipalStore
  /// Makes changes effective before they are acknowledged.
  package var outbox: any OutboxApplying
  /// What is left, from the live counters.
  package var budgets: any BudgetReading
  /// The config file.
  package var catalog: Catalog
  /// For the end of the period that a reset begins in the middle of.
  package var calendar: any PeriodCalendar
  /// Whose a token is, by its id; nil when there is no such token. Revoking one has to tell Redis about
  /// its user. It does well to remember tokens that were revoked (the audit log has them): a revocation
  /// that was answered 503 is then made effective by asking again, and only after that a 404.
  package var tokenOwner: @Sendable (String) async throws(StoreError) -> String?
  /// The clock.
  package var now: @Sendable () -> Instant
  /// Each request logs with a copy that has its id.
  package var logger: Logger
  /// SHA-256 of the keys that the environment gives, so that a new installation can be reached at all.
  package var bootstrapOperator: TokenHash?
  /// The same of the bootstrap service key.
  package var bootstrapService: TokenHash?
  /// The folder that holds problems.md, without a slash at its end.
  package var docsBase: String
  /// What single routes stand on.
  package var hooks: ControlHooks

  /// Makes a control plane.
  package init(
    accounts: any AccountStore, principals: any PrincipalStore, outbox: any OutboxApplying,
    budgets: any BudgetReading, catalog: Catalog, calendar: any PeriodCalendar,
    tokenOwner: @escaping @Sendable (String) async throws(StoreError) -> String?,
    now: @escaping @Sendable () -> Instant, logger: Logger, bootstrapOperator: TokenHash? = nil,
    bootstrapService: TokenHash? = nil, docsBase: String = ProblemCode.docsBaseDefault,
    hooks: ControlHooks = ControlHooks()
  ) {
    self.accounts = accounts
    self.principals = principals
    self.outbox = outbox
    self.budgets = budgets
    self.catalog = catalog
    self.calendar = calendar
    self.tokenOwner = tokenOwner
    self.now = now
    self.logger = logger
    self.bootstrapOperator = bootstrapOperator
    self.bootstrapService = bootstrapService
    self.docsBase = docsBase
    self.hooks = hooks
  }
}
