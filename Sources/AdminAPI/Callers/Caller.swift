internal import Gate

/// Who a request comes from.
enum Caller: Sendable, Equatable {
  /// The route asks for no credential.
  case anyone
  case admin(key: String, role: APIKey.Role)
  /// A backend; `forwarding` is the user whose own token came along.
  case service(key: String, forwarding: Principal?)
  /// An extension token alone.
  case user(Principal)

  /// As the audit log names it.
  var actor: String {
    switch self {
    case .anyone: "system"
    case .admin(let key, _), .service(let key, _): "key:\(key)"
    case .user(let principal): "user:\(principal.user)"
    }
  }
}

/// What a route asks of its caller.
package enum Access: String, Sendable, CaseIterable {
  /// No credential.
  case open
  /// An admin key of any role.
  case adminRead = "viewer"
  /// An admin key with the role `operator`.
  case adminWrite = "operator"
  /// A service key, with a user.
  case service
  /// A user's extension token, or a service key with a user.
  case user
}
