internal import Gate

/// A principal as Redis' token cache keeps it: its fields in order, joined by 0x1f, which no identifier has.
enum PrincipalEncoding {
  private static let form = "3"

  static func encode(_ principal: Principal) -> String {
    let subscription = principal.subscription
    let fields: [String?] = [
      form, principal.user, principal.tenant, text(principal.tokenExpiresAt),
      principal.userPlan, principal.tenantPlan, String(principal.seats), subscription?.stripeSubscriptionID,
      subscription?.status, text(subscription?.currentPeriodStart), text(subscription?.currentPeriodEnd),
      text(subscription?.pastDueSince), String(principal.version), String(principal.tenantVersion),
      principal.overrides.map(text).joined(separator: "\u{1E}"),
    ]
    return fields.map { $0 ?? "" }.joined(separator: "\u{1F}")
  }

  /// nil for anything that another form of this program wrote.
  static func decode(_ text: String) -> Principal? {
    let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard fields.count == 15, fields[0] == form, !fields[1].isEmpty, let seats = Int64(fields[6]),
      let version = Int64(fields[12]), let tenantVersion = Int64(fields[13])
    else { return nil }
    func value(_ index: Int) -> String? { fields[index].isEmpty ? nil : String(fields[index]) }
    func instant(_ index: Int) -> Instant? { Int64(fields[index]).map(Instant.init(milliseconds:)) }
    let subscription = value(7).map {
      SubscriptionState(
        stripeSubscriptionID: $0, status: value(8) ?? "", currentPeriodStart: instant(9),
        currentPeriodEnd: instant(10), pastDueSince: instant(11))
    }
    return Principal(
      user: String(fields[1]), tenant: value(2), tokenExpiresAt: instant(3),
      userPlan: value(4), tenantPlan: value(5), seats: seats, subscription: subscription,
      overrides: fields[14].split(separator: "\u{1E}").compactMap { override($0) }, version: version,
      tenantVersion: tenantVersion)
  }

  private static func text(_ instant: Instant?) -> String? { instant.map { String($0.milliseconds) } }

  /// Feature, limit, expiry and value, joined by 0x1d; the value being nothing, an amount, or count, window and burst.
  private static func text(_ entry: LimitOverride) -> String {
    let value: [Int64] =
      switch entry.value {
      case .unlimited: []
      case .amount(let amount): [amount]
      case .window(let window): [window.count, window.windowSeconds, window.burst]
      }
    return [
      entry.feature ?? "", entry.limit.rawValue, text(entry.expiresAt) ?? "",
      value.map { String($0) }.joined(separator: ":"),
    ].joined(separator: "\u{1D}")
  }

  private static func override(_ text: Substring) -> LimitOverride? {
    let fields = text.split(separator: "\u{1D}", omittingEmptySubsequences: false)
    guard fields.count == 4, let limit = LimitOverride.Limit(rawValue: String(fields[1])) else { return nil }
    let numbers = fields[3].split(separator: ":").compactMap { Int64($0) }
    let value: LimitOverride.Value
    switch numbers.count {
    case 0: value = .unlimited
    case 1: value = .amount(numbers[0])
    case 3:
      value = .window(WindowLimit(count: numbers[0], windowSeconds: numbers[1], burst: numbers[2]))
    default: return nil
    }
    return LimitOverride(
      feature: fields[0].isEmpty ? nil : String(fields[0]), limit: limit, value: value,
      expiresAt: Int64(fields[2]).map(Instant.init(milliseconds:)))
  }
}
