internal import Gate
internal import NIOCore

/// The rights to a feature as `lua/check.lua` unpacks them: twenty-three doubles, nine more for a
/// feature that has limits or an estimate of its own, then the thresholds.
struct RightsEncoding {
  let entitlement: Entitlement
  /// nil: whatever the feature, as for a report.
  var feature: Feature?
  let verify: Bool
  let thresholds: [Int]

  /// The feature has a state of its own in the account.
  static func isOwn(_ feature: Feature?, _ entitlement: Entitlement) -> Bool {
    guard let feature else { return false }
    return feature.defaultIsP95 || entitlement.featureLimits[feature.name].map { $0 != RateLimits() } ?? false
  }

  /// Without versions, for all who have these rights: ``setVersions(of:in:at:)``.
  var bytes: [UInt8] { encoded(version: 0, tenantVersion: 0) }

  /// For one question of `caller`.
  func bytes(for caller: Caller) -> [UInt8] {
    encoded(version: caller.version, tenantVersion: caller.tenantVersion)
  }

  private func encoded(version: Int64, tenantVersion: Int64) -> [UInt8] {
    let limits = entitlement.limits
    var out: [UInt8] = []
    out.reserveCapacity(40 * 8)
    out.appendDouble(version)
    out.appendDouble(entitlement.lockoutAt?.milliseconds ?? 0)
    out.appendDouble(verify)
    append(limits.requests, to: &out)
    append(limits.tokens, to: &out)
    out.appendDouble(min(limits.concurrent ?? Int64(Limits.openHoldsMax), Int64(Limits.openHoldsMax)))
    out.appendDouble(limits.hourlyTokens ?? -1)
    out.appendDouble(limits.dailyTokens ?? -1)
    out.appendDouble(limits.shadowed.rawValue)
    append(entitlement.own, to: &out)
    out.appendDouble(tenantVersion)
    append(entitlement.pool, to: &out)
    let isOwn = RightsEncoding.isOwn(feature, entitlement)
    out.appendDouble(isOwn)
    if let feature, isOwn {
      append(feature, entitlement.featureLimits[feature.name] ?? RateLimits(), to: &out)
    }
    return out + RightsEncoding.encode(thresholds)
  }

  /// Puts a caller's versions into rights that were written as a bulk string at `start`: doubles 0 and 16, behind
  /// `$<three digits>` and the end of the line.
  static func setVersions(of caller: Caller, in out: inout ByteBuffer, at start: Int) {
    out.setInteger(Double(caller.version).bitPattern, at: start + 6, endianness: .little)
    out.setInteger(Double(caller.tenantVersion).bitPattern, at: start + 6 + 16 * 8, endianness: .little)
  }

  /// Per cent, as doubles.
  static func encode(_ thresholds: [Int]) -> [UInt8] {
    var out: [UInt8] = []
    for percent in thresholds { out.appendDouble(Int64(percent)) }
    return out
  }

  private func append(_ feature: Feature, _ limits: RateLimits, to out: inout [UInt8]) {
    append(limits.requests, to: &out)
    append(limits.tokens, to: &out)
    out.appendDouble(limits.concurrent ?? -1)
    out.appendDouble(limits.hourlyTokens ?? -1)
    out.appendDouble(limits.dailyTokens ?? -1)
    out.appendDouble(limits.shadowed.rawValue)
    out.appendDouble(feature.defaultIsP95 ? feature.defaultTokens : -1)
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
