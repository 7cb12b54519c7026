/// What one rule said of a check, with its numbers.
package struct RuleVerdict: Sendable, Equatable {
  /// The rules by the numbers of `lua/check.lua`.
  package enum Rule: Int64, Sendable, CaseIterable {
    case requests = 1
    case tokens = 2
    case hourlyTokens = 3
    case dailyTokens = 4
    case concurrent = 5
    case featureRequests = 6
    case featureTokens = 7
    case featureHourlyTokens = 8
    case featureDailyTokens = 9
    case featureConcurrent = 10
    case userBudget = 11
    case tenantBudget = 12

    /// As it is told.
    package var name: StaticString {
      switch self {
      case .requests: "requests"
      case .tokens: "tokens"
      case .hourlyTokens: "hourly_tokens"
      case .dailyTokens: "daily_tokens"
      case .concurrent: "concurrent"
      case .featureRequests: "feature_requests"
      case .featureTokens: "feature_tokens"
      case .featureHourlyTokens: "feature_hourly_tokens"
      case .featureDailyTokens: "feature_daily_tokens"
      case .featureConcurrent: "feature_concurrent"
      case .userBudget: "user_budget"
      case .tenantBudget: "tenant_budget"
      }
    }
  }
  package enum Verdict: Int64, Sendable {
    case passes = 0
    case refuses = 1
    /// It would refuse, and is in shadow mode.
    case records = 2
  }

  package var rule: Rule
  package var verdict: Verdict
  /// Of a rate its burst.
  package var limit: Int64
  /// What is taken of the limit before this check, holds included.
  package var taken: Int64
  package var requested: Int64
  /// When it would pass, milliseconds; 0: now, or not by waiting.
  package var retryAfterMilliseconds: Int64

  package init(
    rule: Rule, verdict: Verdict, limit: Int64, taken: Int64, requested: Int64, retryAfterMilliseconds: Int64
  ) {
    self.rule = rule
    self.verdict = verdict
    self.limit = limit
    self.taken = taken
    self.requested = requested
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }
}
