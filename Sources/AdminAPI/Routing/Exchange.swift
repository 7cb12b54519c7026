internal import Gate
internal import Logging

/// One request on its way through a handler.
struct Exchange: Sendable {
  let control: ControlPlane
  let request: ControlRequest
  let parameters: [String: String]
  let caller: Caller
  let logger: Logger

  /// The user or tenant that the path names.
  func account(_ kind: AccountID.Kind) throws(Problem) -> AccountID {
    AccountID(kind, try identifier("id"))
  }

  /// A part of the path that names something.
  func identifier(_ name: String) throws(Problem) -> String {
    guard let value = parameters[name], Identifier.isValid(value) else {
      throw .invalid(name, "must be 1 to \(Limits.identifierBytesMax) visible ASCII characters")
    }
    return value
  }

  /// The user that a call on the gate's listener is about: the token's own, or the one that a service key
  /// names in the body, in `X-Tollgate-User`, or by passing on the user's token. All that are given have
  /// to agree.
  func user(inBody named: String? = nil) throws(Problem) -> String {
    let header = try request.value(of: "X-Tollgate-User")
    if let header, !Identifier.isValid(header) {
      throw .invalid("X-Tollgate-User", "must be 1 to \(Limits.identifierBytesMax) visible ASCII characters")
    }
    switch caller {
    case .user(let principal):
      guard (named ?? principal.user) == principal.user, (header ?? principal.user) == principal.user else {
        throw Problem(.forbidden, "An extension token speaks for its own user alone.")
      }
      return principal.user
    case .service(_, let forwarding):
      let names = [named, header, forwarding?.user].compactMap { $0 }
      guard let name = names.first else { throw .invalid("user", "is required with a service key") }
      guard names.allSatisfy({ $0 == name }) else {
        throw .invalid("user", "contradicts X-Tollgate-User or X-TLE-Token")
      }
      return name
    case .anyone, .admin: throw Problem(.forbidden, "This call needs a user.")
    }
  }

  /// The caller's `Idempotency-Key`: 1 to 255 visible ASCII characters.
  func idempotencyKey() throws(Problem) -> String? {
    guard let key = try request.value(of: "Idempotency-Key") else { return nil }
    guard (1...Limits.idempotencyKeyBytesMax).contains(key.utf8.count),
      key.utf8.allSatisfy({ $0 >= 0x21 && $0 <= 0x7E })
    else {
      throw .invalid(
        "Idempotency-Key", "must be 1 to \(Limits.idempotencyKeyBytesMax) visible ASCII characters")
    }
    return key
  }

  /// Has Redis learn of a change before it is acknowledged. When it can't, the change stands all the same
  /// and is applied later by itself; but an acknowledged change is an effective one, so this is a 503.
  func makeEffective(_ account: AccountID) async throws(Problem) {
    do throws(StoreError) { try await control.outbox.apply(account) } catch {
      logger.warning(
        "change stored, not yet effective",
        metadata: ["account": "\(account)", "error.cause": "\(error)"])
      throw Problem(
        .storeUnavailable,
        "The change is stored, but not yet effective on the gates: Redis is out of reach. It takes effect "
          + "by itself as soon as Redis is back.",
        headers: [Problem.retryAfter])
    }
  }
}
