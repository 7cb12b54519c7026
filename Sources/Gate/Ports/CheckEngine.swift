/// What callers with the same rights share: an entitlement is large, and there are few that differ. Confined to its
/// event loop.
package final class Rights {
  package let entitlement: Entitlement
  /// What is ready to be asked about, by the feature's place in the catalog.
  package var prepared: [PreparedRights?]

  /// Rights under a catalog of so many features; 0 for a question of its own.
  package init(_ entitlement: Entitlement, features: Int = 0) {
    self.entitlement = entitlement
    prepared = Array(repeating: nil, count: features)
  }
}

/// Rights to one feature, made ready to be asked about: the part of the question that is the same for everybody who
/// has them. The engine that made it is the only one to read the bytes.
package final class PreparedRights {
  package let feature: Feature
  /// As they go to the wire, but for the versions of user and tenant.
  package let bytes: [UInt8]
  /// Where the engine keeps the calendar bounds of the user's budget, the pool's, and the day's.
  package let ownCalendar: Int
  package let poolCalendar: Int
  package let dayCalendar: Int

  package init(feature: Feature, bytes: [UInt8], ownCalendar: Int, poolCalendar: Int, dayCalendar: Int) {
    self.feature = feature
    self.bytes = bytes
    self.ownCalendar = ownCalendar
    self.poolCalendar = poolCalendar
    self.dayCalendar = dayCalendar
  }
}

/// Who asks, and with what rights: what a question needs of a principal, and no more, for caches have many.
package final class Caller {
  package let user: String
  package let tenant: String?
  package let version: Int64
  /// 0 without a tenant, whatever the principal says.
  package let tenantVersion: Int64
  package let rights: Rights
  /// The token it was found by; nil for a user that a service key named.
  package let token: TokenHash?
  package let tokenExpiresAt: Instant?
  /// When its token's use was last noted.
  package var notedAt = Instant(milliseconds: 0)
  /// How often something was refused since that was last asked for.
  package var refusals: UInt64 = 0

  package init(_ principal: Principal, _ rights: Rights, token: TokenHash? = nil) {
    user = principal.user
    tenant = principal.tenant
    tokenExpiresAt = principal.tokenExpiresAt
    version = principal.version
    tenantVersion = principal.tenant == nil ? 0 : principal.tenantVersion
    self.rights = rights
    self.token = token
  }

  package var entitlement: Entitlement { rights.entitlement }
}

/// What a question is about: a caller, and the rights to the feature that it asks for.
package struct PreparedCheck {
  package let caller: Caller
  package let rights: PreparedRights

  package init(caller: Caller, rights: PreparedRights) {
    self.caller = caller
    self.rights = rights
  }

  package var feature: Feature { rights.feature }
  package var entitlement: Entitlement { caller.rights.entitlement }
}

/// The counters as the data plane asks them: one per event loop, confined to it, answering by callback on it,
/// in one round trip.
package protocol CheckEngine: AnyObject {
  /// `verify`: only asks whether the versions are current, for a refusal that rests on them (402).
  func prepare(_ rights: Rights, feature: Feature, verify: Bool) -> PreparedRights

  /// Asks, and tells `call.owner` once, by the call's deadline.
  func check(_ call: CheckCall, _ prepared: PreparedCheck)

  /// Settles, releases or extends a hold.
  func resolve(_ resolution: HoldResolution, completion: @escaping (HoldAnswer) -> Void)

  /// Puts back what the books say of a hold that Redis has forgotten, unless it knows it by now; then (or when
  /// Redis doesn't answer) tells so.
  func recall(_ hold: HoldRecord, completion: @escaping () -> Void)

  /// What is left, grant by grant.
  func report(_ prepared: PreparedCheck, completion: @escaping (ReportAnswer) -> Void)

  /// The principal that Redis' token cache has for a hash; nil for none, or when Redis doesn't answer.
  func cachedPrincipal(_ hash: TokenHash, completion: @escaping (Principal?) -> Void)
  func remember(_ principal: Principal, for hash: TokenHash)
  func forget(_ hash: TokenHash)

  /// The connection is up and its Redis was verified.
  var isReady: Bool { get }
  /// The epoch of the counters, as it was verified on this connection or learnt from a load since.
  var epoch: Int64 { get set }
  /// Redis' time, as well as this loop knows it.
  func now() -> Instant
  /// Takes Redis' own word for its time: its clock and ours are on two sides of a calendar's boundary.
  func adoptClock(_ now: Instant)
}

extension CheckEngine {
  /// For a question of its own, whose caller is in no cache.
  package func prepare(
    _ principal: Principal, _ entitlement: Entitlement, feature: Feature, verify: Bool
  ) -> PreparedCheck {
    let rights = Rights(entitlement)
    return PreparedCheck(
      caller: Caller(principal, rights), rights: prepare(rights, feature: feature, verify: verify))
  }
}

/// One step in the life of a hold.
package struct HoldResolution: Sendable, Equatable {
  package enum Action: Sendable, Equatable {
    case settle(tokens: Int64)
    case release
    /// New totals; nil: as it was. What was used so far is charged if nobody comes back; it never sinks.
    case extend(tokens: Int64?, ttlSeconds: Int64?, usedSoFar: Int64?)
  }
  package var hold: HoldID
  package var action: Action
  /// `completed`, `client_disconnect`, `upstream_error`, or another word of the caller's; at most 64 bytes.
  package var outcome: String
  package var metadata: String
  package var operation: OperationID
  package var deadlineNanoseconds: UInt64

  package init(
    hold: HoldID, action: Action, outcome: String = "", metadata: String = "", operation: OperationID,
    deadlineNanoseconds: UInt64
  ) {
    self.hold = hold
    self.action = action
    self.outcome = outcome
    self.metadata = metadata
    self.operation = operation
    self.deadlineNanoseconds = deadlineNanoseconds
  }
}

package enum HoldAnswer: Sendable, Equatable {
  /// Resolved, now or by the same call before. `expiresAt` of an extend.
  case done(tokens: Int64, reserved: Int64, budget: Budget, now: Instant, expiresAt: Instant?)
  /// Already resolved in another way: its state and what was booked.
  case finalized(state: String, tokens: Int64)
  case exhausted(scope: AccountID.Kind, remaining: Int64, resetsAt: Instant?, now: Instant)
  case unknown
  case missing(AccountID.Kind)
  case again
  case unavailable
}

package enum ReportAnswer: Sendable {
  case report(BudgetReport)
  case missing(AccountID.Kind)
  case calendarOff
  case again
  case unavailable
}

/// A hold's name, which says where it lives: `rsv_` + 16 random base62 characters + `_` + the user (and, after
/// a 0x1f, the tenant) that it was made for, in base64url. So a settle finds its account in one round trip,
/// on any gate.
package struct HoldID: Hashable, Sendable {
  package let text: String
  package let user: String
  package let tenant: String?

  package init(operation: OperationID, user: String, tenant: String?) {
    self.user = user
    self.tenant = tenant
    var owner = Array(user.utf8)
    if let tenant { owner += [0x1F] + Array(tenant.utf8) }
    text = "rsv_\(operation.text)_\(Base64URL.encode(owner))"
  }

  /// nil for what can't be one of our names.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count > 21, bytes.count <= 400, bytes.starts(with: Array("rsv_".utf8)), bytes[20] == 0x5F,
      bytes[4..<20].allSatisfy({ byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      }),
      let owner = Base64URL.decode(bytes[21...])
    else { return nil }
    let parts = owner.split(separator: 0x1F, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.allSatisfy({ Identifier.isValid(utf8: $0) }) else { return nil }
    self.text = text
    user = String(decoding: parts[0], as: UTF8.self)
    tenant = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : nil
  }
}

/// RFC 4648 §5 without padding.
package enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count * 4 / 3 + 3)
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        out.append(alphabet[Int(buffer >> bits & 0x3F)])
      }
    }
    if bits > 0 { out.append(alphabet[Int(buffer << (6 - bits) & 0x3F)]) }
    return String(decoding: out, as: UTF8.self)
  }

  /// nil for characters outside the alphabet, an impossible length, or bits left over.
  package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var out: [UInt8] = []
    out.reserveCapacity(text.count * 3 / 4)
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    for byte in text {
      let value: UInt32
      switch byte {
      case 0x41...0x5A: value = UInt32(byte) - 0x41
      case 0x61...0x7A: value = UInt32(byte) - 0x61 + 26
      case 0x30...0x39: value = UInt32(byte) - 0x30 + 52
      case 0x2D: value = 62
      case 0x5F: value = 63
      default: return nil
      }
      buffer = buffer << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(buffer >> bits & 0xFF))
      }
    }
    return buffer & (1 << bits - 1) == 0 ? out : nil
  }
}
