internal import Gate

/// The rights of a principal as `lua/check.lua` unpacks them: twenty-two doubles, then the thresholds.
struct RightsEncoding {
  let entitlement: Entitlement
  let principal: Principal
  let verify: Bool

  /// Bits of the limits that only record.
  private static let shadowBits: [(name: String, bit: Int64)] = [
    ("requests", 1), ("tokens", 2), ("concurrent", 4), ("hourly_tokens", 8), ("daily_tokens", 16),
  ]

  var bytes: [UInt8] {
    let limits = entitlement.plan?.limits ?? RateLimits()
    var out: [UInt8] = []
    out.reserveCapacity(22 * 8)
    out.appendDouble(principal.version)
    out.appendDouble(entitlement.lockoutAt?.milliseconds ?? 0)
    out.appendDouble(verify)
    append(limits.requests, to: &out)
    append(limits.tokens, to: &out)
    out.appendDouble(min(limits.concurrent ?? Int64(Limits.openHoldsMax), Int64(Limits.openHoldsMax)))
    out.appendDouble(limits.hourlyTokens ?? -1)
    out.appendDouble(limits.dailyTokens ?? -1)
    out.appendDouble(
      RightsEncoding.shadowBits.reduce(Int64(0)) { sum, entry in
        limits.shadow.contains(entry.name) ? sum + entry.bit : sum
      })
    append(entitlement.own, to: &out)
    out.appendDouble(principal.tenant == nil ? 0 : principal.tenantVersion)
    append(entitlement.pool, to: &out)
    return out
  }

  /// GCRA's emission interval in microseconds, and the burst; zeros where there is no limit.
  private func append(_ limit: WindowLimit?, to out: inout [UInt8]) {
    guard let limit else {
      out.appendDouble(Int64(0))
      out.appendDouble(Int64(0))
      return
    }
    out.appendDouble(Double(limit.windowSeconds) * 1_000_000 / Double(limit.count))
    out.appendDouble(limit.burst)
  }

  private func append(_ terms: BudgetTerms?, to out: inout [UInt8]) {
    out.appendDouble(Int64(terms?.source.rawValue ?? 0))
    out.appendDouble(terms?.tokens ?? 0)
    out.appendDouble(terms?.rule.rolloverMax ?? 0)
    out.appendDouble(terms?.rule.debt == .carry)
    out.appendDouble(terms?.rule.downgrade == .now)
  }
}
